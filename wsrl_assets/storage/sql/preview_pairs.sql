-- Every draft of a home with what became of it, accepted ones first.
SELECT
  q.draft_id, q."partition" AS domain, q.form, q.persona, q.question, q.answer, q.answer_type,
  q.evidence,
  coalesce(v.status, q.status) AS pair_status,
  coalesce(v.reason, q.reason) AS pair_reason,
  coalesce(v.detail, q.detail) AS pair_detail
FROM qa_drafts q
LEFT JOIN verified_pairs v ON v.pair_id = q.draft_id
ORDER BY (v.status = 'kept') DESC NULLS LAST, domain, q.doc_id, q.form, q.persona_index
