-- A sample of the documents that were read, the same for the same seed.
SELECT * EXCLUDE ("partition") FROM source_documents
WHERE status = 'kept' AND doc_id NOT IN (SELECT doc_id FROM triaged_documents WHERE reason = 'withdrawn')
ORDER BY hash(doc_id || $seed), doc_id
LIMIT $documents
