SELECT DISTINCT shard FROM filtered_documents ORDER BY shard
