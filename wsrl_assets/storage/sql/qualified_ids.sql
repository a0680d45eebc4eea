-- The documents of a shard that qualified for a domain, in order, and where each stands first.
SELECT doc_id, place.source_row AS source_row, place.passage AS passage
FROM (
  SELECT t.doc_id, min({'source_row': s.source_row, 'passage': s.passage}) AS place
  FROM triaged_documents t
  JOIN source_documents s ON s.doc_id = t.doc_id AND s.status = 'kept'
  WHERE t.status = 'kept' AND t.domain = $domain
  GROUP BY t.doc_id
)
ORDER BY source_row, passage
