-- The kept pairs of all domains in the columns that a release chooses by, on the catalog: no texts, so
-- that all of them fit in memory at once. See release_texts.sql for the others.
SELECT
  s.pair_id, s.doc_id, s.question_id, s.split, s."partition" AS slug,
  v.gold ->> '$.type' AS answer_type, q.form,
  r.pass_rate, CASE WHEN r.pass_rate IS NOT NULL THEN r.rollouts END AS rollouts,
  CASE WHEN r.pass_rate IS NOT NULL THEN r.model END AS policy,
  f.parent_id, f.cluster_id AS document_cluster,
  CASE WHEN q.form = 'cross_document' THEN q.basis ->> '$.kin' END AS kin,
  k.parent_id AS kin_parent_id,
  f.recipe AS filter_recipe, p.recipe AS persona_recipe, q.recipe AS draft_recipe,
  v.recipe AS verify_recipe, s.recipe AS split_recipe,
  CASE WHEN r.pass_rate IS NOT NULL THEN r.recipe END AS rate_recipe,
  w.pair_id IS NOT NULL AS held_out
FROM final_splits s
JOIN qa_drafts q ON q."partition" = s."partition" AND q.draft_id = s.pair_id
JOIN verified_pairs v ON v."partition" = s."partition" AND v.pair_id = s.pair_id
JOIN filtered_documents f ON f."partition" = s."partition" AND f.doc_id = s.doc_id
LEFT JOIN personas p ON p."partition" = s."partition" AND p.doc_id = s.doc_id
LEFT JOIN pass_rates r ON r."partition" = s."partition" AND r.pair_id = s.pair_id
LEFT JOIN (SELECT DISTINCT "partition", pair_id FROM sft_warmup) w
  ON w."partition" = s."partition" AND w.pair_id = s.pair_id
LEFT JOIN filtered_documents k ON q.form = 'cross_document' AND k."partition" = s."partition"
  AND k.doc_id = q.basis ->> '$.kin' AND k.status = 'kept'
WHERE s.status = 'kept' AND v.status = 'kept'
  -- What a question was asked of must be there: a kin that was withdrawn takes its questions along.
  AND (q.form <> 'unanswerable' OR (q.basis ->> '$.kin') IN (
    SELECT doc_id FROM filtered_documents WHERE status = 'kept'
  ))
  -- Both documents of a question of two are of its domain.
  AND (q.form <> 'cross_document' OR k.doc_id IS NOT NULL)
