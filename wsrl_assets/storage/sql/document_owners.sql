-- The documents, of some, that another shard keeps.
SELECT doc_id, shard FROM document_owners
WHERE shard <> $shard AND doc_id IN (SELECT unnest($doc_ids))
