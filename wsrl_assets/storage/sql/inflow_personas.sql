-- See inflow_source_documents.sql: kept documents, and those without personas.
SELECT f."partition", count(*) AS rows_in, count(*) FILTER (WHERE p.doc_id IS NULL) AS pending
FROM filtered_documents f
LEFT JOIN (SELECT DISTINCT "partition", doc_id FROM personas) p
  ON p."partition" = f."partition" AND p.doc_id = f.doc_id
WHERE f.status = 'kept'
GROUP BY 1
