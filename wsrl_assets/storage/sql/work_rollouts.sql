-- The rollouts that the pairs of work_rates have already: of a run that was killed, or of an earlier
-- rating by the same policy.
SELECT w.number, r.rowid AS place
FROM rollouts r JOIN work_rates w USING (pair_id)
WHERE r.recipe = $recipe AND r.sample < $rollouts
ORDER BY w.number
