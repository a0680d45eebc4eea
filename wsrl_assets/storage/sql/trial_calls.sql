-- Every call of an arm of a trial, by id: arms that share calls have the same ones.
SELECT call_id, (prompt_tokens + completion_tokens)::BIGINT AS tokens,
  coalesce(cost, 0)::DOUBLE AS cost
FROM llm_calls
