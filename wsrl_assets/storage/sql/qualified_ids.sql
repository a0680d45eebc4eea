-- The documents of a shard that qualified for a domain.
SELECT doc_id FROM triaged_documents WHERE status = 'kept' AND domain = $domain ORDER BY doc_id
