-- See inflow_source_documents.sql: a draft for each persona and wanted form; drafts of other forms
-- come in as many as there are.
WITH slots AS (
  SELECT p."partition", p.doc_id, unnest(range(len(p.personas))) AS persona_index, f.form
  FROM personas p, (SELECT unnest($forms) AS form) f
  WHERE p.status = 'kept'
),
wanted AS (
  SELECT s."partition", count(*) AS rows_in, count(*) FILTER (WHERE q.doc_id IS NULL) AS pending
  FROM slots s
  LEFT JOIN (SELECT DISTINCT "partition", doc_id, persona_index, form FROM qa_drafts) q
    ON q."partition" = s."partition" AND q.doc_id = s.doc_id
    AND q.persona_index = s.persona_index AND q.form = s.form
  GROUP BY 1
),
others AS (
  SELECT "partition", count(*) AS rows_in FROM qa_drafts
  WHERE NOT list_contains($forms, form) GROUP BY 1
)
SELECT "partition", coalesce(w.rows_in, 0) + coalesce(o.rows_in, 0) AS rows_in,
  coalesce(w.pending, 0) AS pending
FROM wanted w FULL JOIN others o USING ("partition")
