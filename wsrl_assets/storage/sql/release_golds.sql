-- The golds of kept pairs, on the catalog.
SELECT s.pair_id, v.gold
FROM final_splits s
JOIN verified_pairs v ON v."partition" = s."partition" AND v.pair_id = s.pair_id
WHERE s.status = 'kept' AND v.status = 'kept'
