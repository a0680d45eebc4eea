-- Rows still to be made in a domain, as far as they can be counted before their upstream exists.
WITH
named AS (
  SELECT doc_id, status, personas FROM personas WHERE NOT ($retry_failed AND status = 'failed')
),
drafts AS (
  SELECT doc_id, draft_id, status, form FROM qa_drafts
  WHERE NOT ($retry_failed AND status = 'failed')
)
SELECT
  (SELECT count(*) FROM filtered_documents f
   WHERE f.status = 'kept' AND f.doc_id NOT IN (SELECT doc_id FROM named)) AS personas,
  greatest(0,
    coalesce((SELECT sum(len(personas)) FROM named WHERE status = 'kept'), 0) * len($forms)
    - (SELECT count(*) FROM drafts WHERE list_contains($forms, form))) AS drafts,
  (SELECT count(*) FROM drafts d WHERE d.status = 'kept' AND d.draft_id NOT IN (
    SELECT pair_id FROM verified_pairs WHERE NOT ($retry_failed AND status = 'failed')
  )) AS pairs
