-- See inflow_source_documents.sql: the documents of each shard, and those without a verdict.
WITH documents AS (
  SELECT DISTINCT "partition", doc_id FROM source_documents WHERE status = 'kept'
)
SELECT h."partition", count(d.doc_id) AS rows_in,
  count(d.doc_id) FILTER (WHERE t.doc_id IS NULL) AS pending
FROM shards h
LEFT JOIN documents d ON d."partition" = h."partition"
LEFT JOIN (SELECT DISTINCT "partition", doc_id FROM triaged_documents) t
  ON t."partition" = d."partition" AND t.doc_id = d.doc_id
GROUP BY h."partition"
