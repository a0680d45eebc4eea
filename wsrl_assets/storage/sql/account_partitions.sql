-- The partitions that have an account, by kind, on the catalog.
SELECT 'shard' AS kind, "partition" FROM shards
UNION SELECT 'domain', domain FROM triaged_documents WHERE status = 'kept' AND domain IS NOT NULL
UNION SELECT 'domain', "partition" FROM filtered_documents
UNION SELECT 'release', 'all'
