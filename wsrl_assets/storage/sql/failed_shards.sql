-- Shards that were not read to their end, and why, on the catalog.
SELECT shard, fault_detail FROM shards WHERE fault IS NOT NULL ORDER BY shard
