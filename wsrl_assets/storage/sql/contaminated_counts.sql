-- Pairs that were left out because of each benchmark.
SELECT benchmark, count(*) AS pairs FROM final_splits
WHERE reason = 'contaminated' GROUP BY benchmark
