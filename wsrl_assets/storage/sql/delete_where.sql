-- {table} and {column} are names from the schema, never input.
DELETE FROM "{table}" WHERE "{column}" IN (SELECT unnest($values::VARCHAR[]))
