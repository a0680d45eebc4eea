-- The benchmarks that questions are compared with, on the catalog.
SELECT benchmark, count(*) AS ngrams FROM benchmark_ngrams GROUP BY benchmark ORDER BY benchmark
