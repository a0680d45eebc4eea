-- See repeated_keys.sql, which this is of rows that were added: their ids that stand in other rows too.
SELECT {key} AS id, count(*) AS rows
FROM main.{table}
WHERE "partition" = $partition AND hash({keys}) IN (SELECT hash({keys}) FROM {table})
GROUP BY ALL
HAVING count(*) > 1
ORDER BY id
LIMIT 1000
