-- Passages of a shard whose text was kept elsewhere, with the source row that repeats it. A source
-- row of one passage feeds nothing else, so its repetition ties nothing together.
SELECT DISTINCT doc_id, parent_id FROM source_documents
WHERE reason = 'exact_duplicate' AND doc_id <> parent_id
