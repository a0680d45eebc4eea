-- What people say of a pair, the earliest first.
SELECT reviewer, verdict, reason, note, created_at
FROM review_labels
WHERE pair_id = $pair_id AND (verdict IS NOT NULL OR note IS NOT NULL)
ORDER BY created_at, reviewer
