-- Three pairs that got past a stage of a domain, and three that it rejected; of this run first. They
-- are chosen by narrow columns, and only then read whole.
WITH
candidates AS (
  SELECT p.pair_id, p.left_at IS NOT NULL AND p.left_at = $stage AS left_here,
    coalesce(v.run_id, p.run_id) IS DISTINCT FROM $run_id AS other
  FROM pairs p
  LEFT JOIN verified_pairs v ON v."partition" = p."partition" AND v.pair_id = p.pair_id
  WHERE p."partition" = $partition
    AND p.verdict <> 'failed'
    AND (p.left_at IS NULL OR p.left_at = $stage OR NOT list_contains($past, p.left_at))
    AND NOT (p.verdict = 'pending' AND list_contains($past, 'verified_pairs'))
),
chosen AS MATERIALIZED (
  SELECT left_here, unnest(arg_min(
    {'pair_id': pair_id, 'other': other}, {'other': other, 'lot': hash(pair_id)}, 3
  )) AS pair
  FROM candidates
  GROUP BY left_here
)
SELECT p.pair_id, p.doc_id, p.persona, p.form, p.question, p.answer, p.answer_type, p.evidence,
  p.model, p.split, p.reason, p.detail, c.left_here, v.verdicts, v.round_trip_answer
FROM chosen c
JOIN pairs p ON p.pair_id = c.pair.pair_id AND p."partition" = $partition
LEFT JOIN (
  FROM verified_pairs WHERE pair_id IN (SELECT pair.pair_id FROM chosen)
) v ON v."partition" = p."partition" AND v.pair_id = p.pair_id
ORDER BY c.left_here, c.pair.other, hash(p.pair_id)
