-- See inflow_source_documents.sql: placed pairs, and those that the newest release lacks.
SELECT 'all' AS "partition", count(*) AS rows_in,
  count(*) FILTER (WHERE r.pair_id IS NULL) AS pending
FROM final_splits s
LEFT JOIN (SELECT DISTINCT pair_id FROM released_pairs) r ON r.pair_id = s.pair_id
WHERE s.status = 'kept'
