-- Questions of two documents of which some documents are the other one.
SELECT draft_id FROM qa_drafts
WHERE form = 'cross_document' AND (basis ->> '$.kin') IN (SELECT unnest($doc_ids::VARCHAR[]))
ORDER BY draft_id
