SELECT DISTINCT recipe, stage, body FROM recipes WHERE list_contains($recipes, recipe)
