-- A sample of the documents that were read, spread over the domains in proportion to their size, or
-- over the shards of those that were not triaged; the same for the same seed. Texts are read of the
-- sample alone.
WITH
triaged AS (
  SELECT doc_id, coalesce(any_value(domain), 'unqualified') AS domain FROM triaged_documents
  WHERE status <> 'failed' GROUP BY doc_id
),
known AS (
  SELECT s."partition", s.source_row, s.passage, s.doc_id,
    coalesce(t.domain, 'shard ' || s."partition") AS stratum
  FROM source_documents s LEFT JOIN triaged t USING (doc_id)
  WHERE s.status = 'kept' AND s.doc_id NOT IN (SELECT doc_id FROM triaged_documents WHERE reason = 'withdrawn')
),
-- The n-th of a stratum stands at the share of it that is before its middle, so that the first
-- documents by place hold each stratum in proportion.
placed AS (
  SELECT *, (row_number() OVER (PARTITION BY stratum ORDER BY hash(doc_id || $seed), doc_id) - 0.5)
    / count(*) OVER (PARTITION BY stratum) AS place
  FROM known
),
drawn AS (SELECT * FROM placed ORDER BY place, hash(doc_id || $seed), doc_id LIMIT $documents)
SELECT s.* EXCLUDE ("partition"), d.stratum
FROM source_documents s
JOIN drawn d ON d."partition" = s."partition" AND d.source_row = s.source_row
  AND d.passage = s.passage
ORDER BY d.place, hash(d.doc_id || $seed), d.doc_id
