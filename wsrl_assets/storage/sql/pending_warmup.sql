-- The pairs of a domain to hold out for the warm-up set: the first by hash of those in train, until
-- there are $pairs, or $max_share of train, held out; and failed ones that are to be tried again.
-- Held out is for good: what has a row counts, and is never given back.
WITH
train AS (
  SELECT pair_id FROM final_splits WHERE status = 'kept' AND split = 'train'
    AND pair_id NOT IN (SELECT draft_id FROM qa_drafts WHERE form IN ('unanswerable', 'rubric'))
),
room AS (
  SELECT greatest(0, least($pairs, floor($max_share * count(*))::BIGINT)
    - (SELECT count(*) FROM sft_warmup w SEMI JOIN train t ON t.pair_id = w.pair_id)) AS pairs
  FROM train
),
candidates AS (
  SELECT pair_id, row_number() OVER (ORDER BY md5('warm-up ' || pair_id), pair_id) AS place
  FROM train ANTI JOIN sft_warmup w ON w.pair_id = train.pair_id
)
SELECT pair_id FROM (
  SELECT pair_id, place FROM candidates, room WHERE place <= room.pairs
  UNION ALL
  SELECT w.pair_id, 0 FROM sft_warmup w SEMI JOIN train t ON t.pair_id = w.pair_id
  WHERE $retry_failed AND w.status = 'failed'
)
ORDER BY place, pair_id
