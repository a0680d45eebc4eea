-- See inflow_source_documents.sql: the documents that triage gave to each domain, over all shards.
WITH qualified AS (
  SELECT DISTINCT domain AS "partition", doc_id
  FROM triaged_documents WHERE status = 'kept' AND domain IS NOT NULL
)
SELECT q."partition", count(*) AS rows_in, count(*) FILTER (WHERE f.doc_id IS NULL) AS pending
FROM qualified q
LEFT JOIN (SELECT DISTINCT "partition", doc_id FROM filtered_documents) f
  ON f."partition" = q."partition" AND f.doc_id = q.doc_id
GROUP BY 1
