-- By which recipes the documents of placed pairs were read and triaged, and their languages, on the
-- catalog.
SELECT s.doc_id, any_value(s.language) AS language, min(s.recipe) AS source_documents, min(t.recipe) AS triaged_documents
FROM source_documents s
LEFT JOIN triaged_documents t ON t."partition" = s."partition" AND t.doc_id = s.doc_id
SEMI JOIN (SELECT doc_id FROM final_splits WHERE status = 'kept') p ON p.doc_id = s.doc_id
WHERE s.status = 'kept'
GROUP BY s.doc_id
