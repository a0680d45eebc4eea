-- A sample of the rollouts of kept pairs that were not cut off, the same for the same seed, on the
-- catalog: each with its question, gold and source document, and what people say of its pair where
-- they agree. `cut_off` is how many others there are that were.
WITH
said AS (
  SELECT pair_id, min(verdict) = 'accept' AS is_good FROM review_labels
  WHERE verdict IS NOT NULL GROUP BY pair_id HAVING count(DISTINCT verdict) = 1
),
gone AS (
  SELECT doc_id FROM triaged_documents WHERE reason = 'withdrawn'
  EXCEPT SELECT doc_id FROM triaged_documents WHERE status = 'kept'
),
made AS (
  SELECT r."partition", r.pair_id, r.recipe, r.sample, r.truncated, v.gold, v.doc_id
  FROM rollouts r
  JOIN verified_pairs v ON v."partition" = r."partition" AND v.pair_id = r.pair_id
  WHERE v.status = 'kept' AND v.doc_id NOT IN (FROM gone)
),
drawn AS (
  SELECT * FROM made WHERE NOT truncated
  ORDER BY hash(pair_id || recipe || sample || $seed), pair_id, recipe, sample LIMIT $rollouts
)
SELECT d.pair_id || '/' || d.recipe || '/' || d.sample AS case_id, f.parent_id AS source,
  q.question, d.gold, r.response, s.is_good,
  (SELECT count(*) FROM made WHERE truncated) AS cut_off
FROM drawn d
JOIN rollouts r ON r."partition" = d."partition" AND r.pair_id = d.pair_id
  AND r.recipe = d.recipe AND r.sample = d.sample
JOIN qa_drafts q ON q."partition" = d."partition" AND q.draft_id = d.pair_id
JOIN filtered_documents f ON f."partition" = d."partition" AND f.doc_id = d.doc_id
LEFT JOIN said s ON s.pair_id = d.pair_id
ORDER BY case_id
