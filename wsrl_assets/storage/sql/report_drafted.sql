-- How many drafts each document has, and how many of them passed every check, on the catalog.
SELECT domain, doc_id, count(*) AS drafts,
  count(*) FILTER (
    verdict <> 'pending' AND (left_at IS NULL OR left_at NOT IN ('qa_drafts', 'verified_pairs'))
  ) AS accepted
FROM pairs
WHERE verdict <> 'pending'
GROUP BY domain, doc_id
