-- Of the rows that were added to a table, those of documents, or pairs, that were not added with them. The
-- names are set by the caller.
SELECT count(*) FROM "{table}" t ANTI JOIN "{upstream}" u ON u."{key}" = t."{column}"
