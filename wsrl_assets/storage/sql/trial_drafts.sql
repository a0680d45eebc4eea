-- Every draft of an arm of a trial with its document and what became of it.
SELECT q."partition" AS domain, q.doc_id, f.title, q.draft_id, q.form, q.persona_index, q.persona,
  q.question, q.answer, coalesce(v.gold ->> '$.type', q.answer_type) AS answer_type, q.evidence,
  coalesce(v.status, q.status) AS status, coalesce(v.reason, q.reason) AS reason,
  coalesce(v.status = 'kept', false) AS is_accepted, r.pass_rate
FROM qa_drafts q
LEFT JOIN verified_pairs v ON v."partition" = q."partition" AND v.pair_id = q.draft_id
LEFT JOIN filtered_documents f ON f."partition" = q."partition" AND f.doc_id = q.doc_id
LEFT JOIN pass_rates r ON r."partition" = q."partition" AND r.pair_id = q.draft_id
  AND r.status = 'kept'
ORDER BY q.doc_id, q.form, q.persona_index
