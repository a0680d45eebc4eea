-- Questions that overlap a benchmark, each with its strongest hit: a shared long n-gram, the same
-- question, or much of the same wording. Registered: questions, long_ngrams, short_ngrams, wholes.
WITH
hits AS (
  SELECT l."row", 1 AS strength, 'ngram' AS rule, b.n, l.ngram_hash, b.benchmark, b.item,
    1.0 AS share, false AS same_answer
  FROM long_ngrams l JOIN benchmark_ngrams b ON b.ngram_hash = l.ngram_hash
  WHERE b.n = 13
  UNION ALL
  SELECT w."row", 2, 'question', b.n, w.ngram_hash, b.benchmark, b.item, 1.0,
    coalesce(i.answer_hash = q.answer_hash, false)
  FROM wholes w JOIN benchmark_ngrams b ON b.ngram_hash = w.ngram_hash
  JOIN questions q ON q."row" = w."row"
  JOIN benchmark_items i ON i.benchmark = b.benchmark AND i.item = b.item
  WHERE b.n = 0 AND (q.ngrams >= $min_ngrams OR i.answer_hash = q.answer_hash)
  UNION ALL
  SELECT s."row", 3, 'wording', 3, s.ngram_hash, s.benchmark, s.item,
    s.shared / least(i.ngrams, q.ngrams), coalesce(i.answer_hash = q.answer_hash, false)
  FROM (
    SELECT t."row", b.benchmark, b.item, count(DISTINCT t.ngram_hash) AS shared,
      min(t.ngram_hash) AS ngram_hash
    FROM short_ngrams t JOIN benchmark_ngrams b ON b.ngram_hash = t.ngram_hash
    WHERE b.n = 3
    GROUP BY ALL
  ) s
  JOIN questions q ON q."row" = s."row"
  JOIN benchmark_items i ON i.benchmark = s.benchmark AND i.item = s.item
  WHERE s.shared / least(i.ngrams, q.ngrams)
    >= CASE WHEN i.answer_hash = q.answer_hash THEN $with_answer ELSE $alone END
    AND least(i.ngrams, q.ngrams)
      >= CASE WHEN i.answer_hash = q.answer_hash THEN 2 ELSE $min_ngrams END
)
SELECT * FROM hits
QUALIFY row_number() OVER (
  PARTITION BY "row" ORDER BY strength, share DESC, benchmark, item, ngram_hash
) = 1
ORDER BY "row"
