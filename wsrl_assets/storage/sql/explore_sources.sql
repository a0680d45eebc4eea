-- The rows of shards that have a document: the one that is kept first, then its exact duplicates.
SELECT d.*, s.text, s.char_start, s.char_end, h.path AS shard_path
FROM documents d
JOIN source_documents s ON s."partition" = d.shard AND s.source_row = d.source_row
  AND s.passage = d.passage
LEFT JOIN shards h ON h.shard = d.shard
WHERE d.doc_id = $doc_id
ORDER BY d.left_at IS NOT DISTINCT FROM 'source_documents', d.shard, d.source_row, d.passage
LIMIT 100
