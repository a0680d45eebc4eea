DELETE FROM benchmark_items WHERE benchmark IN (SELECT unnest($benchmarks))
