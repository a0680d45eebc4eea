SELECT question_id, pair_id FROM final_splits WHERE status = 'kept' AND recipe = $recipe
