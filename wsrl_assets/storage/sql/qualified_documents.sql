-- Some documents of a shard, whole, in order, by where they stand (registered as places). The range of
-- rows lets DuckDB pass by texts that it would unpack for the join.
SELECT s.shard, s.source_row, s.passage, s.doc_id, s.parent_id, s.title, s.text, s.tokens, s.metadata
FROM source_documents s
JOIN places p ON p.source_row = s.source_row AND p.passage = s.passage
WHERE s.source_row BETWEEN $first AND $last
ORDER BY s.source_row, s.passage
