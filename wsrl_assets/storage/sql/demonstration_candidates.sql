-- Pairs that could be demonstrations of a domain: open questions in the train split that passed every
-- check and that nobody rejects, those that somebody accepts first; so many of each answer type.
WITH
opinions AS (
  SELECT pair_id, bool_or(verdict = 'accept') AS is_accepted, bool_or(verdict = 'reject') AS is_rejected
  FROM review_labels WHERE verdict IS NOT NULL GROUP BY pair_id
),
drawn AS (
  SELECT v."partition", v.pair_id, v.doc_id, v.evidence_start, v.evidence_end,
    v.gold ->> '$.type' AS answer_type, coalesce(o.is_accepted, false) AS is_accepted
  FROM verified_pairs v
  JOIN final_splits s ON s."partition" = v."partition" AND s.pair_id = v.pair_id
  JOIN qa_drafts q ON q."partition" = v."partition" AND q.draft_id = v.pair_id
  LEFT JOIN opinions o ON o.pair_id = v.pair_id
  WHERE v."partition" = $domain AND v.status = 'kept' AND s.status = 'kept' AND s.split = 'train'
    AND q.form = 'open' AND v.evidence_start IS NOT NULL AND NOT coalesce(o.is_rejected, false)
  QUALIFY row_number() OVER (
    PARTITION BY v.gold ->> '$.type'
    ORDER BY coalesce(o.is_accepted, false) DESC, hash(v.pair_id), v.pair_id
  ) <= $each
)
SELECT d.pair_id, d.answer_type, d.is_accepted, d.evidence_start, d.evidence_end, f.parent_id, f.text,
  q.persona, q.question, q.answer, q.answer_type AS drafted_type, q.unit
FROM drawn d
JOIN qa_drafts q ON q."partition" = d."partition" AND q.draft_id = d.pair_id
JOIN filtered_documents f ON f."partition" = d."partition" AND f.doc_id = d.doc_id
ORDER BY d.is_accepted DESC, hash(d.pair_id), d.pair_id
