-- Why rows were rejected or failed, on the catalog.
SELECT stage, "partition", status, reason, count(*) AS n FROM (
  SELECT 'source_documents' AS stage, "partition", status, reason FROM source_documents
  UNION ALL SELECT 'source_documents', "partition", 'failed', fault FROM shards WHERE fault IS NOT NULL
  UNION ALL SELECT 'triaged_documents', "partition", status, reason FROM triaged_documents
  UNION ALL SELECT 'filtered_documents', "partition", status, reason FROM filtered_documents
  UNION ALL SELECT 'personas', "partition", status, reason FROM personas
  UNION ALL SELECT 'qa_drafts', "partition", status, reason FROM qa_drafts
  UNION ALL SELECT 'verified_pairs', "partition", status, reason FROM verified_pairs
  UNION ALL SELECT 'pass_rates', "partition", status, reason FROM pass_rates
  UNION ALL SELECT 'final_splits', "partition", status, reason FROM final_splits
  UNION ALL SELECT 'sft_warmup', "partition", status, reason FROM sft_warmup
  UNION ALL SELECT 'rl_dataset', 'all', status, reason FROM released_pairs
) WHERE status <> 'kept'
GROUP BY ALL
ORDER BY stage, "partition", n DESC, reason
