-- Of some documents, those whose copy in this shard was dropped because another shard had it.
SELECT DISTINCT doc_id FROM source_documents
WHERE reason = 'exact_duplicate' AND doc_id IN (SELECT unnest($doc_ids::VARCHAR[]))
  AND doc_id NOT IN (SELECT doc_id FROM source_documents WHERE status = 'kept')
ORDER BY doc_id
