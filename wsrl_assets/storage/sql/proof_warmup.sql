-- The warm-up set without what is held out, on the catalog: pairs that are still verified and in
-- train, and a response to imitate. A question of two documents has no one passage to read.
SELECT w.pair_id, f.doc_id, f.parent_id, q.question, v.gold, w.response,
  f.text AS pretrain_text, v.evidence_start, v.evidence_end
FROM sft_warmup w
JOIN qa_drafts q ON q."partition" = w."partition" AND q.draft_id = w.pair_id
JOIN final_splits s ON s."partition" = w."partition" AND s.pair_id = w.pair_id
JOIN verified_pairs v ON v."partition" = w."partition" AND v.pair_id = w.pair_id
JOIN filtered_documents f ON f."partition" = w."partition" AND f.doc_id = q.doc_id
WHERE w.status = 'kept' AND s.status = 'kept' AND s.split = 'train' AND v.status = 'kept'
  AND q.form <> 'cross_document'
  AND NOT list_contains($held_out, f.parent_id)
ORDER BY w.pair_id
LIMIT $most
