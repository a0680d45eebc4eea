-- The warm-up set, on the catalog: responses to imitate, of pairs that are still verified and still
-- in train.
SELECT w.pair_id, w."partition" AS domain, v.gold ->> '$.type' AS answer_type, q.question,
  w.response
FROM sft_warmup w
JOIN qa_drafts q ON q."partition" = w."partition" AND q.draft_id = w.pair_id
JOIN final_splits s ON s."partition" = w."partition" AND s.pair_id = w.pair_id
JOIN verified_pairs v ON v."partition" = w."partition" AND v.pair_id = w.pair_id
WHERE w.status = 'kept' AND s.status = 'kept' AND s.split = 'train' AND v.status = 'kept'
ORDER BY w.pair_id
