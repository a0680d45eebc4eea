-- Names that few sources of a domain hold, as what joins two of its documents: for each document up
-- to $candidates others, best first. A name is of two words at least, and of at most $holders
-- sources, or fewer in a small domain. One of them has it inside a sentence: what only begins
-- sentences and lines is "Most Americans" or "Privacy Policy". Days are no names. Another passage
-- of the same source is no other document, nor is one of the same cluster of near-duplicates. Each
-- document is the other one of at most $partners; those that have drafts keep their places, so that
-- a later run pairs what has come since, and no pair changes.
WITH
kept AS (
  SELECT doc_id, parent_id, cluster_id, text FROM filtered_documents WHERE status = 'kept'
),
capitals AS (
  SELECT doc_id, parent_id, cluster_id, unnest(list_distinct(regexp_extract_all(text,
    '(?:[\p{Ll}\d,;:] )?\p{Lu}[\p{L}\p{N}’''-]+(?: (?:(?:of|the|de|del|van|von|der|la|le) ){0,2}\p{Lu}[\p{L}\p{N}’''-]+){1,4}'
  ))) AS words
  FROM kept
),
names AS (
  SELECT doc_id, parent_id, cluster_id, regexp_replace(regexp_replace(words,
    '^(?:[^\p{Lu}] )?(?:(?:The|A|An|In|On|At|By|For|From|When|While|After|Before|But|And|If|As|It|He|She|They|We|This|That|These|Those|Its|His|Her|Their|Our|To|With|Since|Under|During|Until) )?', ''
  ), '[’'']s$', '') AS name, bool_or(NOT regexp_matches(words, '^\p{Lu}')) AS is_inside
  FROM capitals
  GROUP BY ALL
),
rare AS (
  SELECT name, count(DISTINCT parent_id) AS holders FROM names
  WHERE name LIKE '% %' AND NOT regexp_full_match(name,
    '(?:(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|January|February|March|April|May|June|July|August|September|October|November|December) ?)+'
  )
  GROUP BY name
  HAVING bool_or(is_inside) AND count(DISTINCT parent_id) BETWEEN 2 AND least($holders,
    greatest(2, (SELECT count(DISTINCT parent_id) FROM kept) // 10))
),
drafted AS (
  SELECT DISTINCT doc_id, basis ->> '$.kin' AS kin, basis ->> '$.bridge' AS bridge
  FROM qa_drafts WHERE form = 'cross_document' AND basis IS NOT NULL
),
joins AS (
  SELECT a.doc_id, b.doc_id AS kin,
    coalesce(any_value(d.bridge), arg_min(a.name, (r.holders, -length(a.name), a.name))) AS bridge,
    min(r.holders) AS holders, count(d.kin) > 0 AS is_drafted
  FROM rare r
  JOIN names a USING (name)
  JOIN names b ON b.name = a.name AND b.parent_id <> a.parent_id AND b.cluster_id <> a.cluster_id
  LEFT JOIN drafted d ON d.doc_id = a.doc_id AND d.kin = b.doc_id
  GROUP BY a.doc_id, b.doc_id
),
free AS (
  FROM joins
  QUALIFY row_number() OVER (
    PARTITION BY kin ORDER BY is_drafted DESC, holders, md5(doc_id || kin), doc_id
  ) <= $partners
)
SELECT doc_id, kin, bridge FROM free
QUALIFY row_number() OVER (
  PARTITION BY doc_id ORDER BY is_drafted DESC, holders, md5(doc_id || kin), kin
) <= $candidates
ORDER BY doc_id, is_drafted DESC, holders, md5(doc_id || kin), kin
