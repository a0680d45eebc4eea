-- Row accounting of the shard stages, on the catalog. `rows_in` is counted upstream, `pending` by
-- an anti-join, the rest in the stage's own table: that the three agree is what the check proves.
WITH
sourced AS (
  SELECT
    h."partition",
    count(d.shard) AS stored,
    count(*) FILTER (WHERE d.status = 'kept') AS kept,
    count(*) FILTER (WHERE d.status = 'rejected') AS rejected,
    count(*) FILTER (WHERE d.status = 'failed') AS failed,
    count(DISTINCT d.source_row) AS rows_seen,
    any_value(h.source_rows) AS source_rows,
    any_value(h.fault) AS fault
  FROM shards h
  LEFT JOIN source_documents d ON d."partition" = h."partition"
  GROUP BY h."partition"
),
documents AS (
  SELECT DISTINCT "partition", doc_id FROM source_documents WHERE status = 'kept'
),
waiting AS (
  SELECT d."partition", count(*) AS n
  FROM documents d
  ANTI JOIN triaged_documents t ON t."partition" = d."partition" AND t.doc_id = d.doc_id
  GROUP BY d."partition"
),
triaged AS (
  SELECT
    "partition",
    count(*) FILTER (WHERE status = 'kept') AS kept,
    count(*) FILTER (WHERE status = 'rejected') AS rejected,
    count(*) FILTER (WHERE status = 'failed') AS failed
  FROM triaged_documents
  GROUP BY "partition"
)
-- A shard that was not read to its end counts as one row, since nobody knows how many: a failed one
-- if a fault ended the last try, else a pending one.
SELECT
  'source_documents' AS stage,
  "partition",
  stored + CASE WHEN source_rows IS NULL THEN 1 ELSE source_rows - rows_seen END AS rows_in,
  kept, rejected,
  failed + CASE WHEN source_rows IS NULL AND fault IS NOT NULL THEN 1 ELSE 0 END AS failed,
  CASE WHEN source_rows IS NULL AND fault IS NULL THEN 1 ELSE 0 END AS pending
FROM sourced
UNION ALL
SELECT
  'triaged_documents',
  h."partition",
  (SELECT count(*) FROM documents d WHERE d."partition" = h."partition"),
  coalesce(t.kept, 0), coalesce(t.rejected, 0), coalesce(t.failed, 0),
  coalesce(w.n, 0)
FROM sourced h
LEFT JOIN triaged t USING ("partition")
LEFT JOIN waiting w USING ("partition")
ORDER BY 1, 2
