-- The benchmarks that questions are compared with, what was read in each, and the pairs that were left out
-- because of each, on the catalog.
SELECT b.benchmark, b.items, b.questions, b.answers, count(s.pair_id) AS pairs
FROM benchmark_files b
LEFT JOIN final_splits s ON s.benchmark = b.benchmark AND s.reason = 'contaminated'
GROUP BY b.benchmark, b.items, b.questions, b.answers
ORDER BY b.benchmark
