-- Every passage of every shard, the rejected ones too, with what became of it before the questions:
-- its verdict, the stage where it left, and why; the split and the release that its pairs are in; and
-- the recipe by which it was sorted, or read if it was not.
SELECT
  s."partition", s."partition" AS shard, s.source_row, s.passage, s.doc_id, s.parent_id,
  coalesce(s.title, t.explanation) AS title, s.tokens, coalesce(s.language, 'not known') AS language,
  s.metadata, s.created_at, t.domain,
  p.split, p.release, coalesce(t.recipe, s.recipe) AS recipe,
  CASE
    WHEN s.status <> 'kept' THEN s.status
    WHEN t.status IS NULL THEN 'pending'
    WHEN t.status <> 'kept' THEN t.status
    WHEN f.status IS NULL THEN 'pending'
    ELSE f.status
  END AS verdict,
  CASE
    WHEN s.status <> 'kept' THEN 'source_documents'
    WHEN t.status <> 'kept' THEN 'triaged_documents'
    WHEN f.status <> 'kept' THEN 'filtered_documents'
  END AS left_at,
  CASE
    WHEN s.status <> 'kept' THEN s.reason
    WHEN t.status <> 'kept' THEN t.reason
    WHEN f.status <> 'kept' THEN f.reason
  END AS reason,
  CASE
    WHEN s.status <> 'kept' THEN s.detail
    WHEN t.status <> 'kept' THEN t.detail
    WHEN f.status <> 'kept' THEN f.detail
  END AS detail
FROM source_documents s
LEFT JOIN triaged_documents t
  ON s.status = 'kept' AND t."partition" = s."partition" AND t.doc_id = s.doc_id
LEFT JOIN filtered_documents f
  ON s.status = 'kept' AND f."partition" = t.domain AND f.doc_id = s.doc_id
LEFT JOIN (
  -- All pairs of a source document are in one split.
  SELECT s."partition", s.doc_id, max(s.split) AS split,
    max(r.release) FILTER (WHERE r.status = 'kept') AS release
  FROM final_splits s
  LEFT JOIN released_pairs r ON r.domain = s."partition" AND r.pair_id = s.pair_id
  WHERE s.status = 'kept'
  GROUP BY ALL
) p ON p."partition" = t.domain AND p.doc_id = s.doc_id
