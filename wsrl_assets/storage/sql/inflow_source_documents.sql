-- Rows that come into a stage, and those that wait, by partition: counted in the stage's upstream,
-- so that the row accounting, which adds what is in the stage's own table, can disagree.
-- A shard that was not read to its end counts as one row, since nobody knows how many: a failed one
-- (see outcomes_source_documents.sql) if a fault ended the last try, else a pending one. A forgotten
-- shard is not read.
SELECT h."partition",
  count(d.shard) + CASE WHEN any_value(h.source_rows) IS NULL
    THEN CASE WHEN any_value(h.forgotten_at) IS NULL THEN 1 ELSE 0 END
    ELSE any_value(h.source_rows) - count(DISTINCT d.source_row) END AS rows_in,
  CASE WHEN any_value(h.source_rows) IS NULL AND any_value(h.fault) IS NULL
    AND any_value(h.forgotten_at) IS NULL THEN 1 ELSE 0 END AS pending
FROM shards h
LEFT JOIN source_documents d ON d."partition" = h."partition"
GROUP BY h."partition"
