-- Rows by stage, partition and recipe, with what the recipe stands for, on the catalog.
SELECT u.stage, u."partition", u.recipe, u.form, u.n AS rows, any_value(r.body) AS body FROM (
  SELECT 'triaged_documents' AS stage, "partition", recipe, NULL AS form, count(*) AS n
  FROM triaged_documents GROUP BY ALL
  UNION ALL
  SELECT 'personas', "partition", recipe, NULL, count(*) FROM personas GROUP BY ALL
  UNION ALL
  SELECT 'qa_drafts', "partition", recipe, form, count(*) FROM qa_drafts GROUP BY ALL
  UNION ALL
  SELECT 'verified_pairs', "partition", recipe, NULL, count(*) FROM verified_pairs GROUP BY ALL
) u
JOIN recipes r ON r.recipe = u.recipe
GROUP BY ALL
ORDER BY ALL
