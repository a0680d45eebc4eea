-- The documents of a domain that have work left at one of the wanted stages, numbered in the order
-- in which they are stored, by their places: of 256 in a row, one part of the file is read. Rows before
-- $since_... are not looked at: they are known to be of documents that are done.
WITH
named AS (
  SELECT doc_id, rowid AS place, status, len(personas) AS personas FROM personas
  WHERE rowid >= $since_personas AND NOT ($retry_failed AND status = 'failed')
),
drafted AS (
  SELECT doc_id, count(*) AS slots FROM qa_drafts
  WHERE rowid >= $since_qa_drafts AND list_contains($forms, form)
    AND NOT ($retry_failed AND status = 'failed')
  GROUP BY doc_id
),
unverified AS (
  SELECT DISTINCT doc_id FROM qa_drafts
  WHERE rowid >= $since_qa_drafts AND status = 'kept' AND draft_id NOT IN (
    SELECT pair_id FROM verified_pairs
    WHERE rowid >= $since_verified_pairs AND NOT ($retry_failed AND status = 'failed')
  )
)
SELECT row_number() OVER (ORDER BY f.rowid) AS number, f.doc_id, f.rowid AS place,
  n.place AS personas_place
FROM filtered_documents f
LEFT JOIN named n USING (doc_id)
LEFT JOIN drafted r USING (doc_id)
LEFT JOIN unverified u USING (doc_id)
WHERE f.rowid >= $since_filtered_documents AND f.status = 'kept' AND (
  ($with_personas AND n.status IS NULL)
  OR ($with_drafts AND n.status = 'kept'
    AND coalesce(r.slots, 0) < n.personas * len($forms))
  OR ($with_verification AND u.doc_id IS NOT NULL)
)
ORDER BY number
