-- What verification has of pairs, registered as chosen, on the catalog, in any order.
SELECT c.place, v.gold, v.evidence_start, v.evidence_end
FROM verified_pairs v
JOIN chosen c ON c.slug = v."partition" AND c.pair_id = v.pair_id
