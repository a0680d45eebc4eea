-- Row accounting of the newest release, on the catalog; see accounting_shards.sql.
SELECT
  'rl_dataset' AS stage,
  'all' AS "partition",
  (SELECT count(*) FROM final_splits WHERE status = 'kept') AS rows_in,
  (SELECT count(*) FROM released_pairs WHERE status = 'kept') AS kept,
  (SELECT count(*) FROM released_pairs WHERE status = 'rejected') AS rejected,
  0 AS failed,
  (SELECT count(*) FROM final_splits s ANTI JOIN released_pairs r ON r.pair_id = s.pair_id
   WHERE s.status = 'kept') AS pending
