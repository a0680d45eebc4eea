-- Documents as they were read, good or not, without those of held-out sources, on the catalog. A
-- document's id is a hash of its text, so the first ones by id are a sample.
SELECT s.doc_id, min(s.parent_id) AS parent_id, min(s.text) AS text
FROM source_documents s
WHERE s.text IS NOT NULL
  AND s.doc_id NOT IN (SELECT doc_id FROM triaged_documents WHERE reason = 'withdrawn')
  AND NOT list_contains($held_out, s.parent_id)
  -- A near-duplicate of what is held out would give its answers away.
  AND s.doc_id NOT IN (
    SELECT doc_id FROM filtered_documents WHERE cluster_id IN (
      SELECT cluster_id FROM filtered_documents WHERE list_contains($held_out, parent_id)
    )
  )
GROUP BY s.doc_id
ORDER BY s.doc_id
LIMIT $most
