-- A hash of a stage's row ids and recipes: it changes exactly when rows do, and does not depend on
-- their order, so that nothing is sorted. {table} and {key} are names from the schema, never input.
SELECT CASE WHEN count(*) = 0 THEN 'empty' ELSE md5(concat_ws(
  '/', count(*), bit_xor(digest), sum(digest // 4294967296), sum(digest % 4294967296)
)) END AS version
FROM (
  SELECT hash({key}, recipe)::HUGEINT AS digest
  FROM {table} WHERE partition = $partition
)
