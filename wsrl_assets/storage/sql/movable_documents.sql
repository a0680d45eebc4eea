-- Documents of each shard whose domain was chosen before another one came that they may belong to.
SELECT t."partition", count(DISTINCT t.doc_id) AS documents
FROM triaged_documents t
JOIN domain_moves m ON m.source = t.domain AND t.created_at < m.since
  AND (m.after IS NULL OR t.created_at >= m.after)
JOIN source_documents s ON s."partition" = t."partition" AND s.doc_id = t.doc_id AND s.status = 'kept'
WHERE t.status = 'kept' AND m.target IN (SELECT unnest($in_use::VARCHAR[]))
GROUP BY t."partition"
ORDER BY t."partition"
