-- How far each sample was read: its pairs, those with somebody's verdict, and verdicts by reviewer.
SELECT m.sample, count(DISTINCT m.pair_id) AS pairs,
  count(DISTINCT l.pair_id) AS reviewed,
  list_sort(list_distinct(list(l.reviewer) FILTER (l.reviewer IS NOT NULL))) AS reviewers,
  min(m.created_at) AS drawn_at
FROM review_samples m
LEFT JOIN review_labels l ON l.pair_id = m.pair_id AND l.verdict IS NOT NULL
GROUP BY m.sample
ORDER BY drawn_at, m.sample
