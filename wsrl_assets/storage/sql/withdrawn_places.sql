-- Pairs with a place that verification no longer keeps.
SELECT s.pair_id FROM final_splits s
ANTI JOIN (FROM verified_pairs WHERE status = 'kept') v ON v.pair_id = s.pair_id
