-- Documents by everything that they can be filtered by, of those that a text search finds. A licence
-- is what the first of some columns states that states anything, as JSON pointers into the metadata.
SELECT verdict, left_at, reason, domain, language, split, release, recipe, shard, coalesce(list_filter(
    list_transform($licence_columns::VARCHAR[], lambda path: json_extract_string(metadata, path)),
    lambda said: trim(said, ' []"') <> '')[1], '') AS licence,
  count(*) AS rows
FROM documents
WHERE $text = ''
  OR contains(lower(title), lower($text))
  OR contains(lower(metadata), lower($text))
  OR starts_with(doc_id, $text)
  OR parent_id = $text
GROUP BY ALL
