-- Rows of a stage's table by outcome and reason, on the catalog. The names are set by the caller.
SELECT {partition} AS "partition", status, reason, count(*) AS n
FROM "{table}"
GROUP BY ALL
ORDER BY "partition", n DESC, reason
