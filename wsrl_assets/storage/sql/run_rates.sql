-- How much each run rejected at a stage of a partition, newest run first. {table} is a name from
-- the schema, never input.
SELECT run_id, count(*) AS rows, count(*) FILTER (WHERE status = 'rejected') AS rejected
FROM {table}
WHERE "partition" = $partition
GROUP BY run_id
ORDER BY max(created_at) DESC, run_id
LIMIT 100
