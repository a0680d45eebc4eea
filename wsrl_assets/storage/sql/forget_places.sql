DELETE FROM final_splits WHERE pair_id IN (SELECT unnest($pair_ids))
