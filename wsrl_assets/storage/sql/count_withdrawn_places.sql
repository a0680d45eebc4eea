-- How many pairs withdrawn_places.sql gives.
SELECT count(*) AS n FROM final_splits s
ANTI JOIN (FROM verified_pairs WHERE status = 'kept') v
  ON v."partition" = s."partition" AND v.pair_id = s.pair_id
