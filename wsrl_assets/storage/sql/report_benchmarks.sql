-- The benchmarks that a release was compared with.
SELECT benchmark, count(*) AS ngrams FROM benchmark_ngrams GROUP BY ALL ORDER BY benchmark
