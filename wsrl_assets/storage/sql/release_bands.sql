DELETE FROM signature_bands WHERE item_id IN (SELECT unnest($item_ids))
