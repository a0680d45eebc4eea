-- See inflow_source_documents.sql: verified pairs, and those without a place.
SELECT v."partition", count(*) AS rows_in, count(*) FILTER (WHERE s.pair_id IS NULL) AS pending
FROM verified_pairs v
LEFT JOIN (SELECT DISTINCT "partition", pair_id FROM final_splits) s
  ON s."partition" = v."partition" AND s.pair_id = v.pair_id
WHERE v.status = 'kept'
GROUP BY 1
