-- One row if an attached snapshot has a table.
SELECT 1 FROM duckdb_tables() WHERE database_name = 'counted' AND table_name = ?
