-- What pairs, registered as chosen, have of their documents, on the catalog, in any order.
SELECT c.place, f.text AS pretrain_text, f.shard, f.source_row, f.title, f.metadata
FROM filtered_documents f
JOIN chosen c ON c.slug = f."partition" AND c.doc_id = f.doc_id
