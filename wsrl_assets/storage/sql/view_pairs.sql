-- Every draft with what became of it in the end: its verdict, the stage where it left, and why; and
-- what people say of it.
SELECT
  q."partition", q."partition" AS domain, q.draft_id AS pair_id, q.doc_id,
  q.persona_index, q.persona, q.form, q.question, q.answer,
  coalesce(v.gold ->> '$.type', q.answer_type) AS answer_type, q.evidence,
  q.model, q.recipe, q.run_id, q.created_at, v.evidence_start, v.evidence_end, s.split, r.release,
  coalesce(l.review, 'unreviewed') AS review,
  CASE
    WHEN q.status <> 'kept' THEN q.status
    WHEN v.status IS NULL THEN 'pending'
    WHEN v.status <> 'kept' THEN v.status
    WHEN s.status <> 'kept' THEN s.status
    WHEN r.status <> 'kept' THEN r.status
    ELSE 'kept'
  END AS verdict,
  CASE
    WHEN q.status <> 'kept' THEN 'qa_drafts'
    WHEN v.status IS NULL THEN NULL
    WHEN v.status <> 'kept' THEN 'verified_pairs'
    WHEN s.status <> 'kept' THEN 'final_splits'
    WHEN r.status <> 'kept' THEN 'rl_dataset'
  END AS left_at,
  CASE
    WHEN q.status <> 'kept' THEN q.reason
    WHEN v.status IS NULL THEN NULL
    WHEN v.status <> 'kept' THEN v.reason
    WHEN s.status <> 'kept' THEN s.reason
    WHEN r.status <> 'kept' THEN r.reason
  END AS reason,
  CASE
    WHEN q.status <> 'kept' THEN q.detail
    WHEN v.status IS NULL THEN NULL
    WHEN v.status <> 'kept' THEN v.detail
    WHEN s.status <> 'kept' THEN s.detail
    WHEN r.status <> 'kept' THEN r.detail
  END AS detail
FROM qa_drafts q
LEFT JOIN verified_pairs v ON v."partition" = q."partition" AND v.pair_id = q.draft_id
LEFT JOIN final_splits s ON s."partition" = q."partition" AND s.pair_id = q.draft_id
LEFT JOIN released_pairs r ON r.domain = q."partition" AND r.pair_id = q.draft_id
LEFT JOIN (
  SELECT pair_id,
    CASE
      WHEN count(DISTINCT verdict) > 1 THEN 'disputed'
      WHEN max(verdict) = 'accept' THEN 'accepted'
      WHEN max(verdict) = 'reject' THEN 'rejected'
      ELSE 'unreviewed'
    END AS review
  FROM review_labels
  GROUP BY pair_id
) l ON l.pair_id = q.draft_id
