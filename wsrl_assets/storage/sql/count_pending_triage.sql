-- The rows of work_triage.
SELECT count(DISTINCT doc_id) AS n
FROM source_documents
WHERE status = 'kept'
  AND doc_id NOT IN (
    SELECT t.doc_id FROM triaged_documents t
    LEFT JOIN (
      SELECT unnest($sources::VARCHAR[]) AS source, unnest($since::TIMESTAMPTZ[]) AS since,
      unnest($after::TIMESTAMPTZ[]) AS after
    ) o ON t.status = 'kept' AND o.source = t.domain AND t.created_at >= o.after AND t.created_at < o.since
    WHERE NOT ($retry_failed AND t.status = 'failed') AND o.source IS NULL
      AND ($recipe IS NULL OR t.recipe = $recipe OR t.reason = 'withdrawn')
  )
