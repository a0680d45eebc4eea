DELETE FROM benchmark_files WHERE benchmark IN (SELECT unnest($benchmarks))
