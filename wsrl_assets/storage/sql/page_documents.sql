-- Some documents of work_documents, each with what there is of it. They are looked up first: joined with
-- the rest before their places are known, all texts of the domain would be read.
WITH
documents AS MATERIALIZED (
  SELECT w.number, f.doc_id, f.parent_id, f.title, f.text
  FROM filtered_documents f JOIN work_documents w ON w.place = f.rowid
  WHERE w.number BETWEEN $first AND $last
),
named AS (
  SELECT w.number, p.status, p.personas
  FROM personas p JOIN work_documents w ON w.personas_place = p.rowid
  WHERE w.number BETWEEN $first AND $last
),
drafts AS (
  SELECT w.number, w.verdict_place, q.*
  FROM qa_drafts q JOIN work_drafts w ON w.place = q.rowid
  WHERE w.number BETWEEN $first AND $last
),
drafted AS (
  SELECT number, list({
    'persona_index': persona_index, 'form': form, 'kin': basis ->> '$.kin'
  }) AS slots
  FROM drafts
  WHERE list_contains($forms, form) AND NOT ($retry_failed AND status = 'failed')
  GROUP BY number
),
unverified AS (
  SELECT number, list({
    'draft_id': draft_id, 'question': question, 'answer': answer,
    'answer_type': answer_type, 'unit': unit, 'choices': choices,
    'evidence': evidence, 'form': form, 'persona': persona, 'basis': basis
  } ORDER BY draft_id) AS drafts
  FROM drafts
  WHERE status = 'kept' AND verdict_place IS NULL
  GROUP BY number
),
verdicts AS (
  SELECT w.number, v.pair_id, v.gold
  FROM verified_pairs v JOIN work_drafts w ON w.verdict_place = v.rowid
  WHERE w.number BETWEEN $first AND $last AND v.status = 'kept'
),
verified AS (
  SELECT v.number, list({'pair_id': v.pair_id, 'question': d.question, 'gold': v.gold}
    ORDER BY v.pair_id) AS pairs
  FROM verdicts v JOIN drafts d ON d.draft_id = v.pair_id
  GROUP BY v.number
)
SELECT
  d.doc_id, d.parent_id, d.title, d.text,
  n.status AS personas_status,
  coalesce(n.personas, []) AS personas,
  coalesce(r.slots, []) AS drafted,
  coalesce(u.drafts, []) AS unverified,
  coalesce(k.pairs, []) AS verified
FROM documents d
LEFT JOIN named n USING (number)
LEFT JOIN drafted r USING (number)
LEFT JOIN unverified u USING (number)
LEFT JOIN verified k USING (number)
ORDER BY d.number
