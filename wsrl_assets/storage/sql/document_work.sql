-- The next page of a domain's documents that have work left at one of the wanted stages.
WITH
documents AS (
  SELECT doc_id, parent_id, title, text FROM filtered_documents WHERE status = 'kept' AND doc_id > $after
),
named AS (
  SELECT doc_id, status, personas FROM personas
  WHERE NOT ($retry_failed AND status = 'failed')
),
drafted AS (
  SELECT doc_id, list({'persona_index': persona_index, 'form': form}) AS slots
  FROM qa_drafts
  WHERE list_contains($forms, form) AND NOT ($retry_failed AND status = 'failed')
  GROUP BY doc_id
),
unverified AS (
  SELECT doc_id, list({
    'draft_id': draft_id, 'question': question, 'answer': answer,
    'answer_type': answer_type, 'unit': unit, 'choices': choices,
    'evidence': evidence
  } ORDER BY draft_id) AS drafts
  FROM qa_drafts
  WHERE status = 'kept' AND draft_id NOT IN (
    SELECT pair_id FROM verified_pairs WHERE NOT ($retry_failed AND status = 'failed')
  )
  GROUP BY doc_id
),
verified AS (
  SELECT v.doc_id, list({'pair_id': v.pair_id, 'question': q.question, 'gold': v.gold}
    ORDER BY v.pair_id) AS pairs
  FROM verified_pairs v
  JOIN qa_drafts q ON q.draft_id = v.pair_id
  WHERE v.status = 'kept'
  GROUP BY v.doc_id
)
SELECT
  d.doc_id, d.parent_id, d.title, d.text,
  n.status AS personas_status,
  coalesce(n.personas, []) AS personas,
  coalesce(r.slots, []) AS drafted,
  coalesce(u.drafts, []) AS unverified,
  coalesce(k.pairs, []) AS verified
FROM documents d
LEFT JOIN named n USING (doc_id)
LEFT JOIN drafted r USING (doc_id)
LEFT JOIN unverified u USING (doc_id)
LEFT JOIN verified k USING (doc_id)
WHERE ($with_personas AND n.status IS NULL)
   OR ($with_drafts AND n.status = 'kept'
       AND len(coalesce(r.slots, [])) < len(n.personas) * len($forms))
   OR ($with_verification AND u.drafts IS NOT NULL)
ORDER BY d.doc_id
LIMIT $page
