-- The n-grams of one length, of all benchmarks.
SELECT ngram_hash FROM benchmark_ngrams WHERE n = $n
