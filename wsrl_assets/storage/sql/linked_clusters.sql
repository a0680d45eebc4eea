-- The near-duplicate clusters that passages of some source rows are of.
SELECT DISTINCT l.parent_id, coalesce(l.cluster_id, c.cluster_id, l.doc_id) AS cluster_id
FROM document_links l
LEFT JOIN document_links c ON c.doc_id = l.doc_id AND c.cluster_id IS NOT NULL
WHERE l.parent_id IN (SELECT unnest($parent_ids))
