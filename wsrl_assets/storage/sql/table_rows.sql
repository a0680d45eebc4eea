-- The rows of a table. The name is set by the caller.
SELECT count(*) FROM "{table}"
