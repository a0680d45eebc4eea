-- Questions that gave way to ones that have left.
DELETE FROM final_splits
WHERE status = 'rejected' AND cluster_id IN (SELECT unnest($item_ids::VARCHAR[]))
