-- What is kept under some ids.
SELECT item_id, minhash FROM signatures
WHERE item_id IN (SELECT unnest($item_ids))
