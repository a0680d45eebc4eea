-- The long columns of the documents that kept pairs of a domain come from, once a document.
SELECT f.doc_id, f.text AS pretrain_text, f.title, f.metadata
FROM filtered_documents f
SEMI JOIN (
  SELECT s.doc_id FROM final_splits s
  JOIN verified_pairs v ON v.pair_id = s.pair_id
  WHERE s.status = 'kept' AND v.status = 'kept'
) p ON p.doc_id = f.doc_id
