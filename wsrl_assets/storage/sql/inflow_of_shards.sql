-- See inflow_filtered_documents.sql, for a domain and some shards: documents that are not the domain's by
-- another shard.
WITH qualified AS (
  SELECT DISTINCT doc_id FROM triaged_documents
  WHERE status = 'kept' AND domain = $domain AND list_contains($shards::VARCHAR[], "partition")
)
SELECT count(DISTINCT q.doc_id) FILTER (
    WHERE f.doc_id IS NULL OR list_contains($shards::VARCHAR[], f.shard)) AS rows_in,
  count(DISTINCT q.doc_id) FILTER (WHERE f.doc_id IS NULL) AS pending
FROM qualified q
LEFT JOIN (SELECT doc_id, shard FROM filtered_documents WHERE "partition" = $domain) f USING (doc_id)
