-- The documents of a shard that qualified for a domain, in order of row and passage.
SELECT t.doc_id
FROM triaged_documents t
JOIN source_documents s ON s.doc_id = t.doc_id AND s.status = 'kept'
WHERE t.status = 'kept' AND t.domain = $domain
GROUP BY t.doc_id
ORDER BY min((s.source_row, s.passage))
