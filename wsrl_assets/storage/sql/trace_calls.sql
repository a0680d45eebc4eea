SELECT step, role, model, recipe, prompt_tokens, cached_tokens, completion_tokens, latency_ms,
  attempts, finish_reason, error, reply, created_at
FROM llm_calls WHERE row_id IN ($draft_id, $doc_id)
  AND (row_id = $draft_id OR stage IN ('triaged_documents', 'personas'))
ORDER BY created_at
