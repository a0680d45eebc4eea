-- Rows still to be made in a domain, as far as they can be counted before their upstream exists. For rows
-- before $since_..., see work_documents.sql.
WITH
named AS (
  SELECT doc_id, status, personas FROM personas
  WHERE rowid >= $since_personas AND NOT ($retry_failed AND status = 'failed')
),
drafts AS (
  SELECT doc_id, draft_id, status, form FROM qa_drafts
  WHERE rowid >= $since_qa_drafts AND NOT ($retry_failed AND status = 'failed')
)
SELECT
  (SELECT count(*) FROM filtered_documents f
   WHERE f.rowid >= $since_filtered_documents AND f.status = 'kept'
     AND f.doc_id NOT IN (SELECT doc_id FROM named)) AS personas,
  greatest(0,
    coalesce((SELECT sum(len(personas)) FROM named WHERE status = 'kept'), 0) * len($forms)
    - (SELECT count(*) FROM drafts WHERE list_contains($forms, form))) AS drafts,
  (SELECT count(*) FROM drafts d WHERE d.status = 'kept' AND d.draft_id NOT IN (
    SELECT pair_id FROM verified_pairs
    WHERE rowid >= $since_verified_pairs AND NOT ($retry_failed AND status = 'failed')
  )) AS pairs
