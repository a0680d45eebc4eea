-- In place of outcome_counts.sql: a shard whose last try ended in a fault counts as one failed row.
SELECT "partition", status, reason, count(*) AS n FROM (
  SELECT "partition", status, reason FROM source_documents
  UNION ALL
  SELECT "partition", 'failed', fault FROM shards WHERE source_rows IS NULL AND fault IS NOT NULL AND forgotten_at IS NULL
)
GROUP BY ALL
ORDER BY "partition", n DESC, reason
