-- See inflow_source_documents.sql: kept drafts, and those without a verdict.
WITH kept AS (SELECT "partition", draft_id FROM qa_drafts WHERE status = 'kept'),
waiting AS (
  SELECT k."partition", count(*) AS pending
  FROM kept k ANTI JOIN verified_pairs v ON v."partition" = k."partition" AND v.pair_id = k.draft_id
  GROUP BY 1
)
SELECT k."partition", count(*) AS rows_in, coalesce(any_value(w.pending), 0) AS pending
FROM kept k LEFT JOIN waiting w USING ("partition")
GROUP BY 1
