-- Verified pairs of a domain that have no place yet under this recipe, numbered by their ids, so
-- that of two that ask the same the first is the same one in every home. Unanswerable questions are
-- told apart by what their kin answers. Questions of two documents have the other one's source, if
-- it is still in the domain.
WITH waiting AS MATERIALIZED (
  SELECT v.pair_id, v.doc_id
  FROM verified_pairs v
  ANTI JOIN (
    SELECT pair_id FROM final_splits WHERE rowid >= $since_final_splits AND recipe = $recipe
  ) s ON s.pair_id = v.pair_id
  WHERE v.rowid >= $since_verified_pairs AND v.status = 'kept'
)
SELECT row_number() OVER (ORDER BY v.pair_id) AS number,
  v.pair_id, v.doc_id, f.parent_id, f.cluster_id AS document_cluster, q.question,
  coalesce(q.basis ->> '$.answer', q.answer) AS answer,
  q.form, CASE WHEN q.form = 'cross_document' THEN q.basis END AS basis,
  k.parent_id AS kin_parent_id, k.cluster_id AS kin_cluster
FROM waiting v
JOIN qa_drafts q ON q.draft_id = v.pair_id AND q.rowid >= $since_qa_drafts
JOIN filtered_documents f ON f.doc_id = v.doc_id AND f.rowid >= $since_filtered_documents
LEFT JOIN filtered_documents k
  ON q.form = 'cross_document' AND k.doc_id = q.basis ->> '$.kin' AND k.status = 'kept'
ORDER BY number
