-- One page of the pairs that a filter lets through, newest first.
WITH page AS (
  SELECT "partition", pair_id
  FROM pairs
  WHERE ($text = ''
      OR contains(lower(question), lower($text))
      OR contains(lower(answer), lower($text))
      OR starts_with(pair_id, $text)
      OR doc_id = $text)
    AND ($domain = '' OR domain = $domain)
    AND ($verdict = '' OR verdict = $verdict)
    AND ($reason = '' OR reason = $reason)
    AND ($answer_type = '' OR answer_type = $answer_type)
    AND ($form = '' OR form = $form)
    AND ($model = '' OR model = $model)
  ORDER BY created_at DESC, pair_id
  LIMIT $size OFFSET $offset
)
SELECT p.pair_id, p.domain, p.verdict, p.left_at, p.reason, p.form, p.answer_type, p.model,
  left(p.question, 400) AS question, left(p.answer, 160) AS answer, p.created_at
FROM pairs p
WHERE p.pair_id IN (SELECT pair_id FROM page)
ORDER BY p.created_at DESC, p.pair_id
