-- Drops the short n-grams of a benchmark that say nothing, since many of its items have them.
DELETE FROM benchmark_ngrams
WHERE n = $n AND benchmark = $benchmark AND ngram_hash IN (
  SELECT ngram_hash FROM benchmark_ngrams WHERE n = $n AND benchmark = $benchmark
  GROUP BY ngram_hash HAVING count(*) > $most
)
