-- Documents by everything that they can be filtered by, of those that a text search finds.
SELECT verdict, left_at, reason, domain, language, shard, count(*) AS rows
FROM documents
WHERE $text = ''
  OR contains(lower(title), lower($text))
  OR contains(lower(metadata), lower($text))
  OR starts_with(doc_id, $text)
  OR parent_id = $text
GROUP BY ALL
