-- Rows of a stage by partition and recipe, with what the recipe stands for, on the catalog. The names
-- are set by the caller.
SELECT u."partition", u.recipe, u.form, u.n AS rows, any_value(r.body) AS body
FROM (
  SELECT "partition", recipe, {form} AS form, count(*) AS n FROM "{table}" GROUP BY ALL
) u
JOIN recipes r ON r.recipe = u.recipe
GROUP BY ALL
ORDER BY ALL
