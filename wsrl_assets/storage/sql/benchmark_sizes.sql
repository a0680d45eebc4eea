SELECT benchmark, items FROM benchmark_files ORDER BY benchmark
