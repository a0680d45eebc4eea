-- The golds of kept pairs, on the catalog.
SELECT v.pair_id, v.gold
FROM verified_pairs v
JOIN (FROM final_splits WHERE status = 'kept') s
  ON s."partition" = v."partition" AND s.pair_id = v.pair_id
WHERE v.status = 'kept'
