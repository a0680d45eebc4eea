-- The kept pairs of all domains with their sources and splits, on the catalog.
SELECT s.pair_id, f.parent_id, s.split
FROM final_splits s
JOIN verified_pairs v ON v."partition" = s."partition" AND v.pair_id = s.pair_id
JOIN filtered_documents f ON f."partition" = s."partition" AND f.doc_id = s.doc_id
WHERE s.status = 'kept' AND v.status = 'kept'
