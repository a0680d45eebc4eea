-- The embeddings of kept questions that could ask what one of a page asks.
SELECT item_id, guard, vector FROM signatures
WHERE vector_model = $model AND guard IN (SELECT unnest($guards))
