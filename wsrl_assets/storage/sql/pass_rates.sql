-- How many pairs have which pass rate, by domain and policy, on the catalog: rates of two policies
-- do not compare.
SELECT "partition", model AS policy, pass_rate, count(*) AS pairs,
  sum(rollouts)::BIGINT AS rollouts, sum(truncated)::BIGINT AS truncated
FROM pass_rates
WHERE status = 'kept'
GROUP BY ALL
ORDER BY ALL
