-- Some of a domain's other documents, by lot. The lot is another for other known documents, so that
-- over many runs all documents are drawn about as often.
SELECT doc_id, parent_id, title, text FROM filtered_documents
WHERE status = 'kept' AND NOT list_contains($known, doc_id)
ORDER BY md5(doc_id || $known[1])
LIMIT $documents
