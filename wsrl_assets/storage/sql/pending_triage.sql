-- The next page of a shard's kept documents without a triage row.
SELECT s.doc_id, any_value(s.text) AS text
FROM source_documents s
WHERE s.status = 'kept'
  AND s.doc_id > $after
  AND s.doc_id NOT IN (
    SELECT doc_id FROM triaged_documents WHERE NOT ($retry_failed AND status = 'failed')
  )
GROUP BY s.doc_id
ORDER BY s.doc_id
LIMIT $page
