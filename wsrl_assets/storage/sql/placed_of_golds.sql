-- The pairs of a domain that have a place and one of some golds; null is one, too.
SELECT s.pair_id
FROM final_splits s
JOIN verified_pairs v ON v.pair_id = s.pair_id
WHERE s.status = 'kept' AND v.status = 'kept' AND list_contains($golds::VARCHAR[], coalesce(v.gold, ''))
ORDER BY s.pair_id
