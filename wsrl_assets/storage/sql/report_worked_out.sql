-- How golds of the newest release were worked out from their questions, and how many were not, by
-- answer type: how (of $ways, which details begin with), answer_type, pairs.
SELECT
  list_filter($ways, lambda way: starts_with(v.detail, way))[1] AS how,
  answer_type,
  count(*) AS pairs
FROM (
  SELECT p.answer_type, unnest(f.verdicts) AS v
  FROM pairs p
  JOIN verified_pairs f ON f."partition" = p.domain AND f.pair_id = p.pair_id
  WHERE p.release = $release AND p.verdict = 'kept'
)
WHERE v."check" = 'worked_out' AND v.passed
GROUP BY ALL
ORDER BY pairs DESC, how, answer_type
