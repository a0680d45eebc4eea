-- Some qualified documents of a shard, whole.
SELECT s.shard, s.source_row, s.passage, s.doc_id, s.parent_id, s.title, s.text, s.tokens, s.metadata
FROM source_documents s
WHERE s.status = 'kept' AND s.doc_id IN (SELECT unnest($doc_ids))
QUALIFY row_number() OVER (PARTITION BY s.doc_id ORDER BY s.source_row, s.passage) = 1
ORDER BY s.source_row, s.passage
