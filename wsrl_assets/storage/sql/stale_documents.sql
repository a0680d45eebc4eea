-- A domain's documents with rows at a stage that do not use the current recipes. The names are set by
-- the caller.
SELECT DISTINCT doc_id FROM "{table}"
WHERE NOT list_contains($recipes, recipe)
  AND ({form} IS NULL OR list_contains($forms, {form}))
ORDER BY doc_id
