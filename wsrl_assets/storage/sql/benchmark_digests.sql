SELECT digest FROM benchmark_files ORDER BY digest
