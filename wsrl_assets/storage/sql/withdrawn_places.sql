-- Pairs with a place that verification no longer keeps. For rows before $since_..., see
-- work_documents.sql.
SELECT s.pair_id FROM final_splits s
ANTI JOIN (
  FROM verified_pairs WHERE rowid >= $since_verified_pairs AND status = 'kept'
) v ON v.pair_id = s.pair_id
WHERE s.rowid >= $since_final_splits
