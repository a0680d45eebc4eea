-- Of some documents, those that were withdrawn.
SELECT doc_id FROM takedowns WHERE doc_id IN (SELECT unnest($doc_ids::VARCHAR[]))
