-- Gives up what a shard owns of some documents.
DELETE FROM document_owners
WHERE shard = $shard AND doc_id IN (SELECT unnest($doc_ids::VARCHAR[]))
