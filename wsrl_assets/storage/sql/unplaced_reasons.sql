-- Verified pairs without a place in any split, on the catalog: a row a pair.
SELECT reason FROM final_splits WHERE status <> 'kept'
