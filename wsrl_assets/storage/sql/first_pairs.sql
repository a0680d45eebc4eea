-- Pairs that passed every check, the first first, on the catalog.
SELECT v.pair_id, q.question, q.answer
FROM verified_pairs v
JOIN qa_drafts q ON q."partition" = v."partition" AND q.draft_id = v.pair_id
WHERE v.status = 'kept'
ORDER BY v.created_at, v.pair_id
