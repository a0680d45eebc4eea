-- The items of a page that are kept already, and those that have a content of the page.
SELECT item_id, domain, content_id, vector_model FROM signatures
WHERE item_id IN (SELECT unnest($item_ids)) OR content_id IN (SELECT unnest($content_ids))
