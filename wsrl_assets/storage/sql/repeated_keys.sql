-- Ids of a stage that stand in more than one row of a partition. {table} and {key} are names from
-- the schema, never input.
SELECT {key} AS id, count(*) AS rows
FROM {table}
WHERE "partition" = $partition
GROUP BY ALL
HAVING count(*) > 1
ORDER BY id
LIMIT 1000
