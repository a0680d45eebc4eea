-- Where a pair stands among those that a filter lets through, and how far these were reviewed. The
-- pair counts as one of them, also where a label has just taken it out.
WITH shown AS (
  SELECT p.pair_id, p.review <> 'unreviewed' AS is_reviewed, l.pair_id IS NOT NULL AS is_mine,
    row_number() OVER (ORDER BY m.place, p.created_at DESC, p.pair_id) AS position
  FROM pairs p
  LEFT JOIN review_samples m ON m.sample = $sample AND m.pair_id = p.pair_id
  LEFT JOIN review_labels l
    ON l.pair_id = p.pair_id AND l.reviewer = $reviewer AND l.verdict IS NOT NULL
  WHERE p.pair_id = $pair_id
    OR (($text = ''
        OR contains(lower(p.question), lower($text))
        OR contains(lower(p.answer), lower($text))
        OR starts_with(p.pair_id, $text)
        OR p.doc_id = $text)
      AND ($sample = '' OR m.pair_id IS NOT NULL)
      AND ($domain = '' OR p.domain = $domain)
      AND ($verdict = '' OR p.verdict = $verdict)
      AND ($reason = '' OR p.reason = $reason)
      AND ($answer_type = '' OR p.answer_type = $answer_type)
      AND ($form = '' OR p.form = $form)
      AND ($model = '' OR p.model = $model)
      AND ($review = '' OR p.review = $review)
      AND ($split = '' OR p.split = $split)
      AND ($recipe = '' OR p.recipe = $recipe)
      AND ($release = '' OR p.release = $release))
),
here AS (SELECT coalesce(max(position), 0) AS place FROM shown WHERE pair_id = $pair_id)
SELECT coalesce(any_value(place), 0) AS position, count(*) AS total,
  count(*) FILTER (is_mine) AS mine, count(*) FILTER (is_reviewed) AS reviewed,
  max(pair_id) FILTER (position = place - 1) AS previous,
  max(pair_id) FILTER (position = place + 1) AS next,
  coalesce(
    arg_min(pair_id, position) FILTER (NOT is_mine AND position > place),
    arg_min(pair_id, position) FILTER (NOT is_mine AND position < place)
  ) AS to_review
FROM shown, here
