-- Types and lengths, in characters, of the answers of a domain that got past some stages.
SELECT answer_type, length(answer) AS characters, count(*) AS pairs
FROM pairs
WHERE "partition" = $partition AND answer IS NOT NULL AND verdict <> 'failed'
  AND (left_at IS NULL OR NOT list_contains($past, left_at))
  AND NOT (verdict = 'pending' AND list_contains($past, 'verified_pairs'))
GROUP BY ALL
