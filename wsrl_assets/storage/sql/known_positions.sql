-- Where some documents were kept first in a shard.
SELECT doc_id, arg_min(source_row, (source_row, passage)) AS source_row,
  arg_min(passage, (source_row, passage)) AS passage
FROM source_documents
WHERE status = 'kept' AND doc_id IN (SELECT unnest($doc_ids))
GROUP BY doc_id
