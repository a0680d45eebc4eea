-- Verified pairs of a domain that have no place yet under this recipe, numbered by their ids, so
-- that of two that ask the same the first is the same one in every home. Unanswerable questions are
-- told apart by what their kin answers.
SELECT row_number() OVER (ORDER BY v.pair_id) AS number,
  v.pair_id, v.doc_id, f.parent_id, f.cluster_id AS document_cluster, q.question,
  coalesce(q.basis ->> '$.answer', q.answer) AS answer
FROM verified_pairs v
JOIN qa_drafts q ON q.draft_id = v.pair_id
JOIN filtered_documents f ON f.doc_id = v.doc_id
WHERE v.status = 'kept'
  AND v.pair_id NOT IN (SELECT pair_id FROM final_splits WHERE recipe = $recipe)
ORDER BY number
