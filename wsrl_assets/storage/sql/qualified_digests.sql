-- The documents of a shard that triage gave to each domain: how many, and the sum of their hashes, so that
-- two equal sets are known as such without their ids.
SELECT domain, count(*), sum(hash(doc_id))::VARCHAR FROM (
  SELECT DISTINCT domain, doc_id FROM triaged_documents WHERE status = 'kept' AND domain IS NOT NULL
)
GROUP BY domain
