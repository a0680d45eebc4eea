-- What the ledger sums to, by stage and step, on the catalog; of one run if it is named.
SELECT
  stage, step,
  count(*) AS calls,
  count(*) FILTER (WHERE error IS NOT NULL) AS failed,
  coalesce(sum(attempts - 1), 0)::BIGINT AS retries,
  coalesce(sum(prompt_tokens), 0)::BIGINT AS prompt_tokens,
  coalesce(sum(cached_tokens), 0)::BIGINT AS cached_tokens,
  coalesce(sum(completion_tokens), 0)::BIGINT AS completion_tokens,
  coalesce(sum(cost), 0) AS cost,
  count(*) FILTER (WHERE cost = 0 AND prompt_tokens + completion_tokens > 0) AS unpriced,
  coalesce(median(latency_ms), 0) AS latency_ms_median
FROM llm_calls
WHERE $run_id IS NULL OR run_id = $run_id
GROUP BY ALL
ORDER BY stage, step
