-- The items of a page that are kept already, and those that have a content of the page. Looked for by
-- both at once, each row would be tested by itself.
SELECT item_id, domain, content_id, vector_model FROM signatures
WHERE item_id IN (SELECT unnest($item_ids))
UNION
SELECT item_id, domain, content_id, vector_model FROM signatures
WHERE content_id IN (SELECT unnest($content_ids))
