-- Some rows of a stage of a partition: of this run first, kept before rejected, at random but the
-- same ones each time. They are chosen by narrow columns, and only then read whole. Names in braces
-- come from the schema, never from input.
WITH chosen AS (
  SELECT unnest(ids) AS id
  FROM (
    SELECT arg_min({key}, {{'other': run_id IS DISTINCT FROM $run_id, 'lot': hash({key})}}, 3) AS ids
    FROM {table} WHERE "partition" = $partition
    GROUP BY status
  )
)
SELECT {columns}
FROM {table}
WHERE "partition" = $partition AND {key} IN (SELECT id FROM chosen)
ORDER BY status, run_id IS DISTINCT FROM $run_id, hash({key})
