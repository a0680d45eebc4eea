-- Everything the release needs of a domain's kept pairs, walked back to the document, but for what
-- pairs of one document share: see release_documents.sql.
SELECT
  s.pair_id, s.doc_id, s.question_id, s.split,
  q.question, q.answer, v.gold ->> '$.type' AS answer_type, v.gold ->> '$.unit' AS unit,
  q.persona, q.form, q.evidence, q.basis, q.model,
  v.gold, v.evidence_start, v.evidence_end,
  r.pass_rate, CASE WHEN r.pass_rate IS NOT NULL THEN r.rollouts END AS rollouts,
  CASE WHEN r.pass_rate IS NOT NULL THEN r.model END AS policy,
  f.shard, f.source_row, f.passage, f.parent_id,
  f.cluster_id AS document_cluster,
  f.recipe AS filter_recipe, p.recipe AS persona_recipe, q.recipe AS draft_recipe,
  v.recipe AS verify_recipe, s.recipe AS split_recipe,
  CASE WHEN r.pass_rate IS NOT NULL THEN r.recipe END AS rate_recipe,
  s.pair_id IN (SELECT pair_id FROM sft_warmup) AS held_out
FROM final_splits s
JOIN qa_drafts q ON q.draft_id = s.pair_id
JOIN verified_pairs v ON v.pair_id = s.pair_id
JOIN filtered_documents f ON f.doc_id = s.doc_id
LEFT JOIN personas p ON p.doc_id = s.doc_id
LEFT JOIN pass_rates r ON r.pair_id = s.pair_id
WHERE s.status = 'kept' AND v.status = 'kept'
  -- What a question was asked of must be there: a kin that was withdrawn takes its questions along.
  AND (q.form <> 'unanswerable' OR (q.basis ->> '$.kin') IN (
    SELECT doc_id FROM filtered_documents WHERE status = 'kept'
  ))
ORDER BY s.pair_id
