-- See inflow_source_documents.sql: the pairs held out, and how many more are wanted (see
-- pending_warmup.sql).
WITH held AS (
  SELECT "partition", count(DISTINCT pair_id) AS n FROM sft_warmup
  WHERE ("partition", pair_id) IN (SELECT "partition", pair_id FROM verified_pairs)
  GROUP BY 1
),
waiting AS (
  SELECT s."partition", greatest(0,
    least($sft_pairs, floor($sft_share * count(*))::BIGINT) - count(w.pair_id)) AS n
  FROM (
    SELECT "partition", pair_id FROM final_splits WHERE status = 'kept' AND split = 'train'
      AND pair_id NOT IN (SELECT draft_id FROM qa_drafts WHERE form IN ('unanswerable', 'rubric'))
  ) s
  LEFT JOIN (SELECT DISTINCT "partition", pair_id FROM sft_warmup) w
    ON w."partition" = s."partition" AND w.pair_id = s.pair_id
  GROUP BY 1
)
SELECT "partition", coalesce(h.n, 0) + coalesce(w.n, 0) AS rows_in, coalesce(w.n, 0) AS pending
FROM held h FULL JOIN waiting w USING ("partition")
