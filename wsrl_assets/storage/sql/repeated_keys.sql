-- Ids of a stage that stand in more than one row of a partition. They are looked for by hash, since
-- all ids of a large table do not fit in memory. {table}, {key} and {keys} are names from the
-- schema, never input.
WITH suspects AS (
  SELECT hash({keys}) AS suspect
  FROM {table}
  WHERE "partition" = $partition
  GROUP BY ALL
  HAVING count(*) > 1
)
SELECT {key} AS id, count(*) AS rows
FROM {table}
WHERE "partition" = $partition AND hash({keys}) IN (SELECT suspect FROM suspects)
GROUP BY ALL
HAVING count(*) > 1
ORDER BY id
LIMIT 1000
