-- Verified pairs that have no place yet under this recipe.
SELECT v.pair_id, v.doc_id, f.parent_id, f.cluster_id, q.question, q.answer, v.created_at
FROM verified_pairs v
JOIN qa_drafts q ON q.draft_id = v.pair_id
JOIN filtered_documents f ON f.doc_id = v.doc_id
WHERE v.status = 'kept'
  AND v.pair_id NOT IN (SELECT pair_id FROM final_splits WHERE recipe = $recipe)
ORDER BY v.pair_id
