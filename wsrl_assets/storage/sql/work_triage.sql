-- A shard's kept documents without a triage row, with one that is older than a domain that they may
-- belong to, or, with $recipe, without one of that recipe, by their places, numbered as they are stored.
SELECT row_number() OVER (ORDER BY min(rowid)) AS number, doc_id, min(rowid) AS place,
  doc_id IN (SELECT doc_id FROM triaged_documents WHERE status <> 'failed') AS is_triaged
FROM source_documents
WHERE status = 'kept' AND doc_id NOT IN (
  SELECT t.doc_id FROM triaged_documents t
  LEFT JOIN (
    SELECT unnest($sources::VARCHAR[]) AS source, unnest($since::TIMESTAMPTZ[]) AS since,
    unnest($after::TIMESTAMPTZ[]) AS after
  ) o ON t.status = 'kept' AND o.source = t.domain AND t.created_at >= o.after AND t.created_at < o.since
  WHERE NOT ($retry_failed AND t.status = 'failed') AND o.source IS NULL
    AND ($recipe IS NULL OR t.recipe = $recipe OR t.reason = 'withdrawn')
)
GROUP BY doc_id
ORDER BY number
