-- The texts of some documents of a domain, of those that are kept.
SELECT doc_id, text FROM filtered_documents
WHERE status = 'kept' AND doc_id IN (SELECT unnest($doc_ids::VARCHAR[]))
