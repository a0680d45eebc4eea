-- Questions, their n-grams registered as question_ngrams, that share one with a benchmark.
SELECT DISTINCT "row" FROM question_ngrams
WHERE ngram_hash IN (SELECT ngram_hash FROM benchmark_ngrams WHERE n = $n)
