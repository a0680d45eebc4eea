-- The drafts that the documents of work_documents have already, by their places, with those of
-- their verdicts. See work_documents.sql.
SELECT d.number, q.rowid AS place, v.rowid AS verdict_place
FROM qa_drafts q
JOIN work_documents d USING (doc_id)
LEFT JOIN verified_pairs v
  ON v.pair_id = q.draft_id AND NOT ($retry_failed AND v.status = 'failed')
  AND v.rowid >= $since_verified_pairs
WHERE q.rowid >= $since_qa_drafts
ORDER BY d.number
