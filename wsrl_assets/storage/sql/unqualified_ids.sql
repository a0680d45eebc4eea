-- Of some documents, those that triage does not give to a domain: rejected, given to another one, or
-- no longer in the shard.
SELECT doc_id FROM (SELECT unnest($doc_ids::VARCHAR[]) AS doc_id)
WHERE doc_id NOT IN (
  SELECT doc_id FROM triaged_documents
  WHERE status = 'failed' OR (status = 'kept' AND domain = $domain)
)
