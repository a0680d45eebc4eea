-- See inflow_source_documents.sql: kept drafts, and those without a verdict.
SELECT q."partition", count(*) AS rows_in, count(*) FILTER (WHERE v.pair_id IS NULL) AS pending
FROM qa_drafts q
LEFT JOIN (SELECT DISTINCT "partition", pair_id FROM verified_pairs) v
  ON v."partition" = q."partition" AND v.pair_id = q.draft_id
WHERE q.status = 'kept'
GROUP BY 1
