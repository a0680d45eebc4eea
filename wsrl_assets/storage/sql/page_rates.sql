-- Some pairs of work_rates, each with the rollouts that it has already.
WITH
pairs AS (
  SELECT w.number, v.pair_id, v.gold
  FROM verified_pairs v JOIN work_rates w ON w.place = v.rowid
  WHERE w.number BETWEEN $first AND $last
),
questions AS (
  SELECT w.number, q.question
  FROM qa_drafts q JOIN work_rates w ON w.draft_place = q.rowid
  WHERE w.number BETWEEN $first AND $last
),
made AS (
  SELECT w.number, list({
    'pair_id': r.pair_id, 'recipe': r.recipe, 'sample': r.sample, 'response': r.response,
    'truncated': r.truncated, 'completion_tokens': r.completion_tokens, 'score': r.score,
    'reason': r.reason, 'extracted': r.extracted, 'model': r.model, 'run_id': r.run_id,
    'created_at': r.created_at
  } ORDER BY r.sample) AS rollouts
  FROM rollouts r JOIN work_rollouts w ON w.place = r.rowid
  WHERE w.number BETWEEN $first AND $last
  GROUP BY w.number
)
SELECT p.pair_id, q.question, p.gold, coalesce(m.rollouts, []) AS rollouts
FROM pairs p JOIN questions q USING (number) LEFT JOIN made m USING (number)
ORDER BY p.number
