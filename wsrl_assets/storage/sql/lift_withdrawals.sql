-- Lets a shard's documents be triaged again, but for those that were withdrawn for good.
DELETE FROM triaged_documents
WHERE reason = 'withdrawn' AND doc_id NOT IN (SELECT unnest($taken_down::VARCHAR[]))
