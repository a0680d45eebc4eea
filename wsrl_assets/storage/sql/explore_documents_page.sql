-- One page of the documents that a filter lets through. Licences are as `explore_documents_counts.sql`
-- has them; those that are asked for are a list, since one licence may be written in several ways.
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
  AND ($split = '' OR split = $split)
  AND ($release = '' OR release = $release)
  AND ($recipe = '' OR recipe = $recipe)
  AND ($shard = '' OR shard = $shard)
  AND (NOT $by_licence OR coalesce(list_filter(
      list_transform($licence_columns::VARCHAR[], lambda path: json_extract_string(metadata, path)),
      lambda said: trim(said, ' []"') <> '')[1], '') IN $licences::VARCHAR[])
ORDER BY
  CASE $sort WHEN 'longest' THEN -tokens WHEN 'shortest' THEN tokens END,
  shard, source_row, passage
LIMIT $size OFFSET $offset
