-- Verdicts on documents that a shard no longer keeps.
DELETE FROM triaged_documents
WHERE doc_id NOT IN (SELECT doc_id FROM source_documents WHERE status = 'kept')
