-- The drafts of a sample of documents, with where the persona came from, what became of each and
-- what its calls took; the call for personas is shared out among the drafts of its document.
WITH
drawn AS (
  SELECT "partition" AS domain, doc_id, recipe FROM personas
  WHERE status = 'kept'
  ORDER BY hash(doc_id), doc_id LIMIT $documents
),
known AS (
  SELECT recipe, any_value(body) ->> '$.source' AS source FROM recipes
  WHERE stage = 'personas' GROUP BY recipe
),
drafts AS (
  SELECT d.domain, d.doc_id, coalesce(k.source, 'generated') AS source, p.pair_id,
    p.persona_index, p.persona, p.form, p.question, p.answer, p.answer_type,
    p.verdict <> 'pending'
      AND (p.left_at IS NULL OR p.left_at NOT IN ('qa_drafts', 'verified_pairs')) AS is_accepted,
    count(*) OVER (PARTITION BY d.domain, d.doc_id) AS drafts
  FROM drawn d
  JOIN pairs p ON p.domain = d.domain AND p.doc_id = d.doc_id
  LEFT JOIN known k ON k.recipe = d.recipe
),
of_drafts AS (
  SELECT row_id, sum(prompt_tokens + completion_tokens) AS tokens FROM llm_calls
  WHERE row_id IN (SELECT pair_id FROM drafts) AND stage IN ('qa_drafts', 'verified_pairs')
  GROUP BY row_id
),
of_personas AS (
  SELECT row_id, sum(prompt_tokens + completion_tokens) AS tokens FROM llm_calls
  WHERE row_id IN (SELECT doc_id FROM drawn) AND stage = 'personas'
  GROUP BY row_id
),
rates AS (
  SELECT pair_id, any_value(pass_rate) AS pass_rate FROM pass_rates
  WHERE status = 'kept' AND pair_id IN (SELECT pair_id FROM drafts) GROUP BY pair_id
)
SELECT d.* EXCLUDE (drafts), r.pass_rate,
  (coalesce(q.tokens, 0) + coalesce(n.tokens, 0) / d.drafts)::DOUBLE AS tokens
FROM drafts d
LEFT JOIN of_drafts q ON q.row_id = d.pair_id
LEFT JOIN of_personas n ON n.row_id = d.doc_id
LEFT JOIN rates r ON r.pair_id = d.pair_id
ORDER BY d.domain, d.doc_id, d.form, d.persona_index
