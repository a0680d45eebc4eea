-- See qualified_digests.sql: the documents that a domain has of each shard.
SELECT shard, count(*), sum(hash(doc_id))::VARCHAR FROM filtered_documents GROUP BY shard
