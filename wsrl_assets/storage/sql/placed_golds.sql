-- A domain's kept pairs as their checks want them.
SELECT s.pair_id, f.parent_id, s.split, v.gold
FROM final_splits s
JOIN verified_pairs v ON v.pair_id = s.pair_id
JOIN filtered_documents f ON f.doc_id = s.doc_id
WHERE s.status = 'kept' AND v.status = 'kept'
