-- One page of the documents that a filter lets through.
SELECT doc_id, shard, source_row, passage, left(title, 400) AS title, tokens, language, domain,
  verdict, left_at, reason
FROM documents
WHERE ($text = ''
    OR contains(lower(title), lower($text))
    OR contains(lower(metadata), lower($text))
    OR starts_with(doc_id, $text)
    OR parent_id = $text)
  AND ($verdict = '' OR verdict = $verdict)
  AND ($left_at = '' OR left_at = $left_at)
  AND ($reason = '' OR reason = $reason)
  AND ($domain = '' OR domain = $domain)
  AND ($language = '' OR language = $language)
  AND ($shard = '' OR shard = $shard)
ORDER BY
  CASE $sort WHEN 'longest' THEN -tokens WHEN 'shortest' THEN tokens END,
  shard, source_row, passage
LIMIT $size OFFSET $offset
