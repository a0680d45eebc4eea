DELETE FROM benchmark_ngrams WHERE benchmark IN (SELECT unnest($benchmarks))
