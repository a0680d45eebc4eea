-- Everything the release needs of a domain's kept pairs, walked back to the document.
SELECT
  s.pair_id, s.doc_id, s.question_id, s.split,
  q.question, q.answer, q.answer_type, q.unit, q.persona, q.form, q.evidence, q.model,
  v.gold, v.evidence_start, v.evidence_end,
  f.text AS pretrain_text, f.title, f.shard, f.source_row, f.passage, f.parent_id, f.metadata,
  f.cluster_id AS document_cluster
FROM final_splits s
JOIN qa_drafts q ON q.draft_id = s.pair_id
JOIN verified_pairs v ON v.pair_id = s.pair_id
JOIN filtered_documents f ON f.doc_id = s.doc_id
WHERE s.status = 'kept' AND v.status = 'kept'
ORDER BY s.pair_id
