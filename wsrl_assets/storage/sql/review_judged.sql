-- What people say of each pair, beside what verification says of it. Labels of pairs that are gone
-- have no status.
SELECT l.pair_id, l.reviewer, l.verdict, v.status, v.reason,
  [x."check" FOR x IN coalesce(v.verdicts, []) IF NOT x.passed] AS failed_checks
FROM review_labels l
LEFT JOIN verified_pairs v ON v.pair_id = l.pair_id
WHERE l.verdict IS NOT NULL
ORDER BY l.pair_id, l.reviewer
