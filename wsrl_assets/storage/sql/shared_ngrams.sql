-- Which n-grams of questions, registered as question_ngrams, stand in a benchmark.
SELECT q."row", q.ngram_hash, b.benchmark, b.item
FROM question_ngrams q JOIN benchmark_ngrams b ON b.ngram_hash = q.ngram_hash
WHERE b.n = $n
