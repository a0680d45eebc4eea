-- The golds of a domain's verified pairs, each once, with one of its pairs.
SELECT gold, any_value(pair_id) AS pair_id FROM verified_pairs WHERE status = 'kept' GROUP BY gold
