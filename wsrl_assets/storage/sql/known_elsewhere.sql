-- Which of some documents other shards keep, on the catalog.
SELECT doc_id, min(shard) AS shard
FROM source_documents
WHERE status = 'kept' AND shard <> $shard AND doc_id IN (SELECT unnest($doc_ids))
GROUP BY doc_id
