-- Each shard with its state, its rows and the licences that its rows state, on the catalog.
SELECT h.shard, h.path, h.text_column, h.registered_at, h.forgotten_at, h.fault, h.fault_detail,
  CASE
    WHEN h.forgotten_at IS NOT NULL THEN 'forgotten'
    WHEN h.fault IS NOT NULL THEN 'failed'
    WHEN h.source_rows IS NULL THEN 'registered'
    ELSE 'read'
  END AS state,
  coalesce(h.source_rows, h.rows_read) AS source_rows,
  count(d.shard) FILTER (WHERE d.status = 'kept') AS kept,
  count(d.shard) FILTER (WHERE d.status = 'rejected') AS rejected,
  list(DISTINCT d.metadata) FILTER (WHERE d.status = 'kept') [1:50] AS metadata
FROM shards h LEFT JOIN source_documents d ON d."partition" = h."partition"
GROUP BY ALL
ORDER BY h.registered_at, h.shard
