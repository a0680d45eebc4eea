-- Every passage of every shard, the rejected ones too, with what became of it before the questions:
-- its verdict, the stage where it left, and why.
SELECT
  s."partition", s."partition" AS shard, s.source_row, s.passage, s.doc_id, s.parent_id,
  coalesce(s.title, t.explanation) AS title, s.tokens, coalesce(s.language, 'not known') AS language,
  s.metadata, s.created_at, t.domain,
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
