-- Verified pairs of a domain without a pass rate; all of them if they are to be rated again.
SELECT count(*) AS n
FROM verified_pairs
WHERE status = 'kept'
  AND pair_id NOT IN (SELECT draft_id FROM qa_drafts WHERE form = 'unanswerable')
  AND ($regenerate OR pair_id NOT IN (
    SELECT pair_id FROM pass_rates WHERE NOT ($retry_failed AND status = 'failed')
  ))
