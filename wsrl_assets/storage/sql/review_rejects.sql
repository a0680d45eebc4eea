-- Pairs that somebody rejects, with who and why.
SELECT pair_id,
  string_agg(reviewer || coalesce(': ' || replace(reason, '_', ' '), ''), '; ' ORDER BY reviewer) AS said
FROM review_labels
WHERE verdict = 'reject'
GROUP BY pair_id
ORDER BY pair_id
