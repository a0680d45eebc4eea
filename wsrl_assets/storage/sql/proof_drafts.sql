-- Drafts with the gold that the form check read, verified or not, without those of held-out sources,
-- on the catalog. A draft's id is a hash, so the first ones by id are a sample.
SELECT q.draft_id AS pair_id, q.doc_id, f.parent_id, q.question, v.gold, v.status, q.evidence,
  f.text AS pretrain_text, v.evidence_start, v.evidence_end
FROM qa_drafts q
JOIN verified_pairs v ON v."partition" = q."partition" AND v.pair_id = q.draft_id
JOIN filtered_documents f ON f."partition" = q."partition" AND f.doc_id = q.doc_id
WHERE q.status = 'kept' AND q.form NOT IN ('unanswerable', 'rubric', 'cross_document') AND NOT list_contains($held_out, f.parent_id)
ORDER BY q.draft_id
LIMIT $most
