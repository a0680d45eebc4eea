-- Forgets items that are kept no longer.
DELETE FROM signatures WHERE item_id IN (SELECT unnest($item_ids))
