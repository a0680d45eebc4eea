-- Which splits some keys were dealt to.
SELECT kind, "key", split FROM split_keys
WHERE deal = $deal AND "key" IN (SELECT unnest($keys))
