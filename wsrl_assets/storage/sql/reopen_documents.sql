-- Near-duplicates of documents that have left.
DELETE FROM filtered_documents
WHERE status = 'rejected' AND cluster_id IN (SELECT unnest($item_ids::VARCHAR[]))
