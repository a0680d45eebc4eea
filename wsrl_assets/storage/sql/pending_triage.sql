-- The next page of a shard's kept documents without a triage row, or, with $recipe, without one of
-- that recipe.
SELECT s.doc_id, any_value(s.text) AS text,
  s.doc_id IN (SELECT doc_id FROM triaged_documents WHERE status <> 'failed') AS is_triaged
FROM source_documents s
WHERE s.status = 'kept'
  AND s.doc_id > $after
  AND s.doc_id NOT IN (
    SELECT doc_id FROM triaged_documents
    WHERE NOT ($retry_failed AND status = 'failed') AND ($recipe IS NULL OR recipe = $recipe OR reason = 'withdrawn')
  )
GROUP BY s.doc_id
ORDER BY s.doc_id
LIMIT $page
