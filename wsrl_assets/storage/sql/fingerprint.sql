-- What the hash of a stage's row ids and recipes is made of: it changes exactly when rows do, and does not
-- depend on their order, so that nothing is sorted. {table} and {key} are names from the schema, never input.
SELECT count(*), bit_xor(digest)::VARCHAR, sum(digest // 4294967296)::VARCHAR, sum(digest % 4294967296)::VARCHAR
FROM (
  SELECT hash({key}, recipe)::HUGEINT AS digest
  FROM {table} WHERE partition = $partition
)
