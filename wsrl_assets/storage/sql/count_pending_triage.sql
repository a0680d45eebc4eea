-- A shard's kept documents without a triage row; $recipe also counts those of other recipes.
SELECT count(DISTINCT doc_id) AS n
FROM source_documents
WHERE status = 'kept'
  AND doc_id NOT IN (
    SELECT doc_id FROM triaged_documents
    WHERE NOT ($retry_failed AND status = 'failed') AND ($recipe IS NULL OR recipe = $recipe OR reason = 'withdrawn')
  )
