-- Documents that triage and filters kept, without those of held-out sources, on the catalog.
SELECT f.doc_id, min(f.parent_id) AS parent_id, min(f.text) AS text
FROM filtered_documents f
WHERE f.status = 'kept' AND NOT list_contains($held_out, f.parent_id)
GROUP BY f.doc_id
ORDER BY f.doc_id
LIMIT $most
