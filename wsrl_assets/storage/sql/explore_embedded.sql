-- The pairs whose question has an embedding.
SELECT item_id AS pair_id, domain
FROM signatures
WHERE vector IS NOT NULL AND vector_model IS NOT NULL
