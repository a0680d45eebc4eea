-- Some documents of each domain by lot, one of each source, by their beginnings; and how many sources
-- the domain has. Texts are read of what is drawn alone.
WITH
of_sources AS (
  SELECT "partition" AS domain, arg_min(doc_id, hash(doc_id)) AS doc_id FROM filtered_documents
  WHERE status = 'kept'
  GROUP BY "partition", parent_id
),
drawn AS (
  SELECT domain, doc_id, count(*) OVER (PARTITION BY domain) AS sources FROM of_sources
  QUALIFY row_number() OVER (PARTITION BY domain ORDER BY hash(doc_id), doc_id) <= $documents
)
SELECT d.domain, d.sources, d.doc_id, f.title, left(f.text, $characters) AS text
FROM filtered_documents f
JOIN drawn d ON f."partition" = d.domain AND f.doc_id = d.doc_id
ORDER BY d.domain, d.doc_id
