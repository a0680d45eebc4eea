-- The embeddings of the questions of pairs, registered as pairs_of_release: those of the model that
-- most of them have one of. Vectors of one model differ in width where its files were exchanged.
WITH embedded AS (
  SELECT pair_id, vector, vector_model, octet_length(vector) AS bytes
  FROM pairs_of_release JOIN signatures ON item_id = pair_id
  WHERE vector IS NOT NULL AND vector_model IS NOT NULL
),
most AS (
  SELECT vector_model, bytes FROM embedded
  GROUP BY vector_model, bytes
  ORDER BY count(*) DESC, vector_model, bytes LIMIT 1
)
SELECT pair_id, vector, vector_model FROM embedded JOIN most USING (vector_model, bytes)
ORDER BY pair_id
