-- Those of some pairs that verification keeps now.
SELECT pair_id FROM verified_pairs
WHERE status = 'kept' AND pair_id IN (SELECT unnest($pair_ids::VARCHAR[]))
