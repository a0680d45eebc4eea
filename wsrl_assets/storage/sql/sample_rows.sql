-- Some rows of a stage of a partition: of this run first, kept before rejected, at random but the
-- same ones each time. Names in braces come from the schema, never from input.
SELECT {columns}
FROM (
  SELECT *, row_number() OVER (PARTITION BY status ORDER BY run_id = $run_id DESC, hash({key})) AS n
  FROM {table} WHERE "partition" = $partition
)
WHERE n <= 3
ORDER BY status, n
