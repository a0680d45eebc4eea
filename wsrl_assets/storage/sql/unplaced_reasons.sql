-- Verified pairs without a place in any split, by reason, on the catalog.
SELECT reason, count(*) AS pairs FROM final_splits WHERE status <> 'kept' GROUP BY reason
