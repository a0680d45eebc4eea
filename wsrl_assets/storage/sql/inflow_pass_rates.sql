-- See inflow_source_documents.sql: verified pairs. Where pass rates are off, those that have one.
SELECT v."partition", count(*) AS rows_in, count(*) FILTER (WHERE r.pair_id IS NULL) AS pending
FROM verified_pairs v
LEFT JOIN (SELECT DISTINCT "partition", pair_id FROM pass_rates) r
  ON r."partition" = v."partition" AND r.pair_id = v.pair_id
WHERE v.status = 'kept' AND ($wanted OR r.pair_id IS NOT NULL)
  AND v.pair_id NOT IN (SELECT draft_id FROM qa_drafts WHERE form IN ('unanswerable', 'rubric'))
GROUP BY 1
