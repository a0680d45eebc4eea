-- What the sources of kept pairs say of themselves, once a document, on the catalog; of a question of
-- two documents both.
SELECT f."partition" AS slug, f.doc_id, f.metadata
FROM filtered_documents f
SEMI JOIN (
  SELECT s."partition", unnest(list_distinct([s.doc_id, coalesce(k.kin, s.doc_id)])) AS doc_id
  FROM final_splits s
  JOIN verified_pairs v ON v."partition" = s."partition" AND v.pair_id = s.pair_id
  LEFT JOIN (
    SELECT "partition", draft_id, basis ->> '$.kin' AS kin FROM qa_drafts
    WHERE form = 'cross_document'
  ) k ON k."partition" = s."partition" AND k.draft_id = s.pair_id
  WHERE s.status = 'kept' AND v.status = 'kept'
) p ON p."partition" = f."partition" AND p.doc_id = f.doc_id
