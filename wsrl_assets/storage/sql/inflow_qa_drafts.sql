-- See inflow_source_documents.sql: a draft for each persona and wanted form; drafts of other forms
-- come in as many as there are.
WITH used AS (SELECT DISTINCT "partition", form FROM qa_drafts),
wanted_forms AS (
  SELECT "partition", form FROM used WHERE $forms_in_use
  UNION
  SELECT "partition", unnest($forms::VARCHAR[]) AS form FROM (SELECT DISTINCT "partition" FROM personas)
  WHERE NOT $forms_in_use OR "partition" NOT IN (SELECT "partition" FROM used)
),
slots AS (
  SELECT p."partition", p.doc_id, unnest(range(len(p.personas))) AS persona_index, f.form
  FROM personas p JOIN wanted_forms f USING ("partition")
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
  WHERE ("partition", form) NOT IN (SELECT ("partition", form) FROM wanted_forms) GROUP BY 1
)
SELECT "partition", coalesce(w.rows_in, 0) + coalesce(o.rows_in, 0) AS rows_in,
  coalesce(w.pending, 0) AS pending
FROM wanted w FULL JOIN others o USING ("partition")
