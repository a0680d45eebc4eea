-- Gives documents that nobody keeps yet to a shard.
INSERT INTO document_owners
SELECT claimed.doc_id, $shard
FROM (SELECT unnest($doc_ids) AS doc_id) claimed
WHERE claimed.doc_id NOT IN (SELECT doc_id FROM document_owners)
