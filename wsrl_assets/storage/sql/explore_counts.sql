-- Pairs by everything that they can be filtered by, of those that a text search finds.
SELECT domain, verdict, reason, answer_type, form, model, count(*) AS pairs
FROM pairs
WHERE $text = ''
  OR contains(lower(question), lower($text))
  OR contains(lower(answer), lower($text))
  OR starts_with(pair_id, $text)
  OR doc_id = $text
GROUP BY ALL
