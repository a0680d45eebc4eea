-- A domain's verified pairs without a pass rate, by their places, numbered as they are stored. An
-- abstention has none: without its passage, no question is known to be unanswerable. Nor has a rubric,
-- which takes a judge.
SELECT row_number() OVER (ORDER BY v.rowid) AS number, v.pair_id, v.rowid AS place,
  q.rowid AS draft_place
FROM verified_pairs v
JOIN qa_drafts q ON q.draft_id = v.pair_id
WHERE v.status = 'kept' AND q.form NOT IN ('unanswerable', 'rubric')
  AND ($regenerate OR v.pair_id NOT IN (
    SELECT pair_id FROM pass_rates WHERE NOT ($retry_failed AND status = 'failed')
  ))
ORDER BY number
