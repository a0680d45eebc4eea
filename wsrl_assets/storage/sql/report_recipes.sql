-- Every recipe by which a pair of the newest release was made, with how many of its rows.
WITH
released AS (
  SELECT domain, pair_id, doc_id FROM pairs WHERE release = $release AND verdict = 'kept'
),
used AS (
  SELECT t.recipe, count(DISTINCT r.doc_id) AS rows FROM released r
  JOIN triaged_documents t ON t.doc_id = r.doc_id GROUP BY ALL
  UNION ALL
  SELECT f.recipe, count(DISTINCT r.doc_id) FROM released r
  JOIN filtered_documents f ON f."partition" = r.domain AND f.doc_id = r.doc_id GROUP BY ALL
  UNION ALL
  SELECT n.recipe, count(DISTINCT r.doc_id) FROM released r
  JOIN personas n ON n."partition" = r.domain AND n.doc_id = r.doc_id GROUP BY ALL
  UNION ALL
  SELECT q.recipe, count(*) FROM released r
  JOIN qa_drafts q ON q."partition" = r.domain AND q.draft_id = r.pair_id GROUP BY ALL
  UNION ALL
  SELECT v.recipe, count(*) FROM released r
  JOIN verified_pairs v ON v."partition" = r.domain AND v.pair_id = r.pair_id GROUP BY ALL
  UNION ALL
  SELECT s.recipe, count(*) FROM released r
  JOIN final_splits s ON s."partition" = r.domain AND s.pair_id = r.pair_id GROUP BY ALL
),
known AS (
  SELECT recipe, any_value(stage) AS stage, any_value(body) AS body FROM recipes GROUP BY ALL
)
SELECT k.stage, u.recipe, sum(u.rows)::BIGINT AS rows, any_value(k.body) AS body
FROM used u JOIN known k USING (recipe)
GROUP BY ALL
