-- What one run did at a stage of a partition, and from when to when. A call begins when it was sent
-- first, so the span holds all of it. {table} is a name from the schema, never input.
WITH
made AS (
  SELECT count(*) AS rows, min(created_at) AS first, max(created_at) AS last
  FROM {table} WHERE "partition" = $partition AND run_id = $run_id
),
called AS (
  SELECT min(created_at - to_microseconds((latency_ms * 1000)::BIGINT)) AS first,
    max(created_at) AS last
  FROM llm_calls WHERE "partition" = $partition AND stage = $stage AND run_id = $run_id
)
SELECT made.rows,
  coalesce(
    epoch_us(greatest(made.last, called.last)) - epoch_us(least(made.first, called.first)), 0
  ) / 1e6 AS seconds
FROM made, called
