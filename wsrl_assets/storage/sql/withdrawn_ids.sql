-- The documents of a shard that were withdrawn.
SELECT doc_id FROM triaged_documents WHERE reason = 'withdrawn' ORDER BY doc_id
