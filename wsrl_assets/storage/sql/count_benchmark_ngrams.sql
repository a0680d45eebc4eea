SELECT count(*) AS n FROM benchmark_ngrams
