-- The documents that a shard keeps, with what a request to withdraw them can name.
SELECT doc_id, parent_id, metadata FROM source_documents WHERE status = 'kept' ORDER BY doc_id
