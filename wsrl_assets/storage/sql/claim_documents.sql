-- Gives documents that nobody keeps yet to a shard. Only those asked for are looked up, or the ids
-- of all documents would be held in memory.
INSERT INTO document_owners
WITH
claimed AS (SELECT unnest($doc_ids) AS doc_id),
kept AS (SELECT doc_id FROM document_owners WHERE doc_id IN (SELECT doc_id FROM claimed))
SELECT doc_id, $shard FROM claimed WHERE doc_id NOT IN (SELECT doc_id FROM kept)
