-- Pairs that were placed under another recipe.
SELECT count(*) AS n FROM final_splits WHERE recipe <> $recipe
