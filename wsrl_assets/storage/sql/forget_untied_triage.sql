-- Verdicts on documents that a shard no longer keeps. Only documents with a verdict are looked up.
DELETE FROM triaged_documents
WHERE doc_id NOT IN (
  SELECT doc_id FROM source_documents
  WHERE status = 'kept' AND doc_id IN (SELECT doc_id FROM triaged_documents)
)
