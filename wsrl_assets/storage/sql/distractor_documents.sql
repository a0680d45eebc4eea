-- A sample of a domain's documents: an id is a hash of content, so the smallest ids are as good as
-- drawn by lot, and most of the sample stays when documents are added.
SELECT doc_id, parent_id, title, text FROM filtered_documents
WHERE status = 'kept'
ORDER BY doc_id
LIMIT $documents
