-- What the sources of kept pairs say of themselves, once a document, on the catalog.
SELECT f."partition" AS slug, f.doc_id, f.metadata
FROM filtered_documents f
SEMI JOIN (
  SELECT s."partition", s.doc_id FROM final_splits s
  JOIN verified_pairs v ON v."partition" = s."partition" AND v.pair_id = s.pair_id
  WHERE s.status = 'kept' AND v.status = 'kept'
) p ON p."partition" = f."partition" AND p.doc_id = f.doc_id
