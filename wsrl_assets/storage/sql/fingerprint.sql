-- A hash of a stage's row ids and recipes: it changes exactly when rows do. {table} and {key} are
-- names from the schema, never input.
SELECT coalesce(md5(string_agg({key} || ':' || recipe, ',' ORDER BY {key})), 'empty') AS version
FROM {table} WHERE partition = $partition
