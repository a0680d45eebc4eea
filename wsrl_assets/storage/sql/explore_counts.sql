-- Pairs by everything that they can be filtered by, of those that a text search finds.
SELECT domain, verdict, reason, answer_type, form, model, recipe, review, split, release, count(*) AS rows
FROM pairs
WHERE ($text = ''
    OR contains(lower(question), lower($text))
    OR contains(lower(answer), lower($text))
    OR starts_with(pair_id, $text)
    OR doc_id = $text)
  AND ($sample = ''
    OR pair_id IN (SELECT pair_id FROM review_samples WHERE sample = $sample))
GROUP BY ALL
