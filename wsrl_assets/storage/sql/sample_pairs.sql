-- Three pairs that got past a stage of a domain, and three that it rejected; of this run first.
WITH ranked AS (
  SELECT p.*, v.verdicts, v.round_trip_answer,
    p.left_at IS NOT NULL AND p.left_at = $stage AS left_here,
    row_number() OVER (
      PARTITION BY p.left_at IS NOT NULL AND p.left_at = $stage
      ORDER BY coalesce(v.run_id, p.run_id) = $run_id DESC, hash(p.pair_id)
    ) AS n
  FROM pairs p
  LEFT JOIN verified_pairs v ON v."partition" = p."partition" AND v.pair_id = p.pair_id
  WHERE p."partition" = $partition
    AND p.verdict <> 'failed'
    AND (p.left_at IS NULL OR p.left_at = $stage OR NOT list_contains($past, p.left_at))
    AND NOT (p.verdict = 'pending' AND list_contains($past, 'verified_pairs'))
)
SELECT pair_id, doc_id, persona, form, question, answer, answer_type, evidence, model, split,
  reason, detail, left_here, verdicts, round_trip_answer
FROM ranked WHERE n <= 3 ORDER BY left_here, n
