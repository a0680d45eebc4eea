-- The pairs of a group of like questions, registered as alike, as a list shows them.
SELECT p.pair_id, p.domain, p.verdict, p.left_at, p.reason, p.form, p.answer_type,
  left(p.question, 400) AS question, left(p.answer, 160) AS answer, p.review
FROM pairs p
JOIN alike USING (pair_id)
ORDER BY p.question, p.pair_id
