-- How many pairs of some documents have a place in a release, those with another document too.
SELECT count(*) AS n FROM final_splits
WHERE status = 'kept' AND (
  doc_id IN (SELECT unnest($doc_ids::VARCHAR[]))
  OR pair_id IN (
    SELECT draft_id FROM qa_drafts
    WHERE form = 'cross_document' AND (basis ->> '$.kin') IN (SELECT unnest($doc_ids::VARCHAR[]))
  )
)
