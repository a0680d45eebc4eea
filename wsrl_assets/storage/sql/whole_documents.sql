-- Documents of which every row at every stage is there, and none failed.
WITH
slots AS (
  SELECT doc_id, unnest(range(len(personas))) AS persona_index, f.form
  FROM personas, (SELECT unnest($forms) AS form) f WHERE status = 'kept'
),
unfinished AS (
  SELECT doc_id FROM filtered_documents WHERE doc_id NOT IN (SELECT doc_id FROM personas)
  UNION
  SELECT doc_id FROM slots ANTI JOIN qa_drafts USING (doc_id, persona_index, form)
  UNION
  SELECT doc_id FROM qa_drafts
  WHERE status = 'kept' AND draft_id NOT IN (SELECT pair_id FROM verified_pairs)
  UNION SELECT doc_id FROM personas WHERE status = 'failed'
  UNION SELECT doc_id FROM qa_drafts WHERE status = 'failed'
  UNION SELECT doc_id FROM verified_pairs WHERE status = 'failed'
)
SELECT doc_id FROM filtered_documents ANTI JOIN unfinished USING (doc_id) ORDER BY doc_id
