-- Placed pairs of documents that were withdrawn and that no shard keeps, by domain, on the catalog.
SELECT s."partition", count(*) AS n
FROM final_splits s
WHERE s.status = 'kept'
  AND s.doc_id IN (SELECT doc_id FROM triaged_documents WHERE reason = 'withdrawn')
  AND s.doc_id NOT IN (SELECT doc_id FROM triaged_documents WHERE status = 'kept')
GROUP BY 1
ORDER BY 1
