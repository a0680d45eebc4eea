-- A domain's documents with rows at a stage that are not of the recipes of now.
SELECT DISTINCT doc_id FROM (
  SELECT doc_id, recipe FROM personas WHERE $stage = 'personas'
  UNION ALL
  SELECT doc_id, recipe FROM qa_drafts WHERE $stage = 'qa_drafts' AND list_contains($forms, form)
  UNION ALL
  SELECT doc_id, recipe FROM verified_pairs WHERE $stage = 'verified_pairs'
)
WHERE NOT list_contains($recipes, recipe)
ORDER BY doc_id
