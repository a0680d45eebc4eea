-- Of an n-gram that several items of a benchmark have, one row is enough: that of the first.
DELETE FROM benchmark_ngrams b
USING (
  SELECT ngram_hash, min(item) AS first FROM benchmark_ngrams
  WHERE n = $n AND benchmark = $benchmark
  GROUP BY ngram_hash HAVING count(*) > 1
) r
WHERE b.n = $n AND b.benchmark = $benchmark AND b.ngram_hash = r.ngram_hash AND b.item > r.first
