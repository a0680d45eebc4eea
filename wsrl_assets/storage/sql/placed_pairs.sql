-- How many pairs of some documents have a place in a release.
SELECT count(*) AS n FROM final_splits
WHERE status = 'kept' AND doc_id IN (SELECT unnest($doc_ids::VARCHAR[]))
