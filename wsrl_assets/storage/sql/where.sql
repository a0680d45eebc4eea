-- {table} and {column} are names from the schema, never input.
SELECT * FROM "{table}" WHERE "{column}" IN (SELECT unnest($values::VARCHAR[]))
