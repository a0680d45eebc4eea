-- Keeps the first copy of each of some documents that was dropped because another shard had it.
UPDATE source_documents SET status = 'kept', reason = NULL, detail = NULL
WHERE (source_row, passage) IN (
  SELECT unnest([arg_min((source_row, passage), (source_row, passage))])
  FROM source_documents
  WHERE reason = 'exact_duplicate' AND doc_id IN (SELECT unnest($doc_ids::VARCHAR[]))
    AND doc_id NOT IN (SELECT doc_id FROM source_documents WHERE status = 'kept')
  GROUP BY doc_id
)
