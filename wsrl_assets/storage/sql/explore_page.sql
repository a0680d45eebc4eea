-- One page of the pairs that a filter lets through: a sample in its order, others newest first.
WITH page AS (
  SELECT p.pair_id, m.place
  FROM pairs p
  LEFT JOIN review_samples m ON m.sample = $sample AND m.pair_id = p.pair_id
  WHERE ($text = ''
      OR contains(lower(question), lower($text))
      OR contains(lower(answer), lower($text))
      OR starts_with(p.pair_id, $text)
      OR doc_id = $text)
    AND ($sample = '' OR m.pair_id IS NOT NULL)
    AND ($domain = '' OR domain = $domain)
    AND ($verdict = '' OR verdict = $verdict)
    AND ($reason = '' OR reason = $reason)
    AND ($answer_type = '' OR answer_type = $answer_type)
    AND ($form = '' OR form = $form)
    AND ($model = '' OR model = $model)
    AND ($review = '' OR review = $review)
    AND ($split = '' OR split = $split)
    AND ($recipe = '' OR recipe = $recipe)
    AND ($release = '' OR release = $release)
  ORDER BY m.place, p.created_at DESC, p.pair_id
  LIMIT $size OFFSET $offset
)
SELECT p.pair_id, p.domain, p.verdict, p.left_at, p.reason, p.form, p.answer_type, p.model,
  left(p.question, 400) AS question, left(p.answer, 160) AS answer, p.created_at,
  p.review
FROM pairs p
JOIN page USING (pair_id)
ORDER BY page.place, p.created_at DESC, p.pair_id
