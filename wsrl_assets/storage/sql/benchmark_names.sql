-- The benchmarks that questions are compared with, their rows, and the pairs that were left out
-- because of each, on the catalog.
SELECT b.benchmark, b.items, count(s.pair_id) AS pairs
FROM benchmark_files b
LEFT JOIN final_splits s ON s.benchmark = b.benchmark AND s.reason = 'contaminated'
GROUP BY b.benchmark, b.items
ORDER BY b.benchmark
