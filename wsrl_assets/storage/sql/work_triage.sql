-- A shard's kept documents without a triage row, or, with $recipe, without one of that recipe, by
-- their places, numbered as they are stored.
SELECT row_number() OVER (ORDER BY min(rowid)) AS number, doc_id, min(rowid) AS place,
  doc_id IN (SELECT doc_id FROM triaged_documents WHERE status <> 'failed') AS is_triaged
FROM source_documents
WHERE status = 'kept' AND doc_id NOT IN (
  SELECT doc_id FROM triaged_documents
  WHERE NOT ($retry_failed AND status = 'failed') AND ($recipe IS NULL OR recipe = $recipe OR reason = 'withdrawn')
)
GROUP BY doc_id
ORDER BY number
