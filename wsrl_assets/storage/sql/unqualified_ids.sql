-- Of some documents, those that triage gives to no domain, or to another one.
SELECT doc_id FROM triaged_documents
WHERE doc_id IN (SELECT unnest($doc_ids::VARCHAR[]))
  AND (status = 'rejected' OR (status = 'kept' AND domain <> $domain))
