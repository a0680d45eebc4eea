-- The next page of a domain's verified pairs without a pass rate, each with the rollouts that it
-- has already: of a run that was killed, or of an earlier rating by the same policy.
WITH
pending AS (
  SELECT v.pair_id, q.question, v.gold
  FROM verified_pairs v
  JOIN qa_drafts q ON q.draft_id = v.pair_id
  WHERE v.status = 'kept'
    AND v.pair_id > $after
    AND ($regenerate OR v.pair_id NOT IN (
      SELECT pair_id FROM pass_rates WHERE NOT ($retry_failed AND status = 'failed')
    ))
  ORDER BY v.pair_id
  LIMIT $page
),
made AS (
  SELECT r.pair_id, list({
    'pair_id': r.pair_id, 'recipe': r.recipe, 'sample': r.sample, 'response': r.response,
    'truncated': r.truncated, 'completion_tokens': r.completion_tokens, 'score': r.score,
    'reason': r.reason, 'extracted': r.extracted, 'model': r.model, 'run_id': r.run_id,
    'created_at': r.created_at
  } ORDER BY r.sample) AS rollouts
  FROM rollouts r
  SEMI JOIN pending p ON p.pair_id = r.pair_id
  WHERE r.recipe = $recipe AND r.sample < $rollouts
  GROUP BY r.pair_id
)
SELECT p.pair_id, p.question, p.gold, coalesce(m.rollouts, []) AS rollouts
FROM pending p LEFT JOIN made m USING (pair_id)
ORDER BY p.pair_id
