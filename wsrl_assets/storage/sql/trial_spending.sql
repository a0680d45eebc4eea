-- What the calls on each document took: those for itself, and those for its drafts.
WITH owners AS (
  SELECT draft_id AS row_id, doc_id FROM qa_drafts
  UNION
  SELECT doc_id, doc_id FROM source_documents
)
SELECT o.doc_id, sum(c.prompt_tokens + c.completion_tokens)::BIGINT AS tokens,
  coalesce(sum(c.cost), 0)::DOUBLE AS cost
FROM llm_calls c JOIN owners o USING (row_id)
GROUP BY o.doc_id
ORDER BY o.doc_id
