-- See inflow_source_documents.sql: verified pairs, and those without a place.
WITH kept AS (SELECT "partition", pair_id FROM verified_pairs WHERE status = 'kept'),
waiting AS (
  SELECT k."partition", count(*) AS pending
  FROM kept k ANTI JOIN final_splits s ON s."partition" = k."partition" AND s.pair_id = k.pair_id
  GROUP BY 1
)
SELECT k."partition", count(*) AS rows_in, coalesce(any_value(w.pending), 0) AS pending
FROM kept k LEFT JOIN waiting w USING ("partition")
GROUP BY 1
