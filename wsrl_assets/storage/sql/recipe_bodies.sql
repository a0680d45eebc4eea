-- What each recipe hash stands for, on the catalog.
SELECT recipe, min(body) AS body FROM recipes GROUP BY recipe ORDER BY recipe
