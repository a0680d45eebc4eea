-- The documents, of some, that a domain has filtered already.
SELECT doc_id FROM filtered_documents WHERE doc_id IN (SELECT unnest($doc_ids))
