-- Pairs that verification has decided on, to draw a sample of.
SELECT q.draft_id AS pair_id, q."partition" AS domain, q.form, v.status = 'kept' AS is_kept
FROM qa_drafts q
JOIN verified_pairs v ON v."partition" = q."partition" AND v.pair_id = q.draft_id
WHERE v.status IN ('kept', 'rejected') AND q.question IS NOT NULL
ORDER BY pair_id
