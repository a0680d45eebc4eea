-- Row accounting of the domain stages, on the catalog; see accounting_shards.sql.
WITH
qualified AS (
  SELECT DISTINCT domain AS "partition", doc_id
  FROM triaged_documents WHERE status = 'kept' AND domain IS NOT NULL
),
domains AS (
  SELECT DISTINCT "partition" FROM qualified
  UNION SELECT DISTINCT "partition" FROM filtered_documents
),
filtered AS (
  SELECT "partition",
    count(*) FILTER (WHERE status = 'kept') AS kept,
    count(*) FILTER (WHERE status = 'rejected') AS rejected,
    count(*) FILTER (WHERE status = 'failed') AS failed
  FROM filtered_documents GROUP BY 1
),
named AS (
  SELECT "partition",
    count(*) FILTER (WHERE status = 'kept') AS kept,
    count(*) FILTER (WHERE status = 'rejected') AS rejected,
    count(*) FILTER (WHERE status = 'failed') AS failed
  FROM personas GROUP BY 1
),
drafted AS (
  SELECT "partition",
    count(*) FILTER (WHERE status = 'kept') AS kept,
    count(*) FILTER (WHERE status = 'rejected') AS rejected,
    count(*) FILTER (WHERE status = 'failed') AS failed,
    count(*) FILTER (WHERE NOT list_contains($forms, form)) AS of_other_forms
  FROM qa_drafts GROUP BY 1
),
slots AS (
  SELECT p."partition", p.doc_id, unnest(range(len(p.personas))) AS persona_index, f.form
  FROM personas p, (SELECT unnest($forms) AS form) f
  WHERE p.status = 'kept'
),
verified AS (
  SELECT "partition",
    count(*) FILTER (WHERE status = 'kept') AS kept,
    count(*) FILTER (WHERE status = 'rejected') AS rejected,
    count(*) FILTER (WHERE status = 'failed') AS failed
  FROM verified_pairs GROUP BY 1
),
rated AS (
  SELECT "partition",
    count(*) FILTER (WHERE status = 'kept') AS kept,
    count(*) FILTER (WHERE status = 'rejected') AS rejected,
    count(*) FILTER (WHERE status = 'failed') AS failed
  FROM pass_rates GROUP BY 1
),
placed AS (
  SELECT "partition",
    count(*) FILTER (WHERE status = 'kept') AS kept,
    count(*) FILTER (WHERE status = 'rejected') AS rejected,
    count(*) FILTER (WHERE status = 'failed') AS failed
  FROM final_splits GROUP BY 1
),
pending_filtered AS (
  SELECT q."partition", count(*) AS n FROM qualified q
  ANTI JOIN filtered_documents f ON f."partition" = q."partition" AND f.doc_id = q.doc_id
  GROUP BY 1
),
pending_personas AS (
  SELECT f."partition", count(*) AS n FROM filtered_documents f
  ANTI JOIN personas p ON p."partition" = f."partition" AND p.doc_id = f.doc_id
  WHERE f.status = 'kept' GROUP BY 1
),
pending_drafts AS (
  SELECT s."partition", count(*) AS n FROM slots s
  ANTI JOIN qa_drafts q ON q."partition" = s."partition" AND q.doc_id = s.doc_id
    AND q.persona_index = s.persona_index AND q.form = s.form
  GROUP BY 1
),
pending_pairs AS (
  SELECT q."partition", count(*) AS n FROM qa_drafts q
  ANTI JOIN verified_pairs v ON v."partition" = q."partition" AND v.pair_id = q.draft_id
  WHERE q.status = 'kept' GROUP BY 1
),
pending_rates AS (
  SELECT v."partition",
    count(*) FILTER (WHERE r.pair_id IS NULL) AS n,
    count(*) FILTER (WHERE r.pair_id IS NOT NULL) AS with_rate
  FROM (SELECT "partition", pair_id FROM verified_pairs WHERE status = 'kept') v
  LEFT JOIN (SELECT DISTINCT "partition", pair_id FROM pass_rates) r
    ON r."partition" = v."partition" AND r.pair_id = v.pair_id
  GROUP BY 1
),
pending_splits AS (
  SELECT v."partition", count(*) AS n FROM verified_pairs v
  ANTI JOIN final_splits s ON s."partition" = v."partition" AND s.pair_id = v.pair_id
  WHERE v.status = 'kept' GROUP BY 1
)
SELECT 1 AS ordinal, 'filtered_documents' AS stage, d."partition",
  (SELECT count(*) FROM qualified q WHERE q."partition" = d."partition") AS rows_in,
  coalesce(s.kept, 0) AS kept, coalesce(s.rejected, 0) AS rejected,
  coalesce(s.failed, 0) AS failed, coalesce(w.n, 0) AS pending
FROM domains d LEFT JOIN filtered s USING ("partition")
LEFT JOIN pending_filtered w USING ("partition")
UNION ALL
SELECT 2, 'personas', d."partition", coalesce(u.kept, 0),
  coalesce(s.kept, 0), coalesce(s.rejected, 0), coalesce(s.failed, 0), coalesce(w.n, 0)
FROM domains d LEFT JOIN filtered u USING ("partition") LEFT JOIN named s USING ("partition")
LEFT JOIN pending_personas w USING ("partition")
UNION ALL
SELECT 3, 'qa_drafts', d."partition",
  (SELECT count(*) FROM slots u WHERE u."partition" = d."partition") + coalesce(s.of_other_forms, 0),
  coalesce(s.kept, 0), coalesce(s.rejected, 0), coalesce(s.failed, 0), coalesce(w.n, 0)
FROM domains d LEFT JOIN drafted s USING ("partition")
LEFT JOIN pending_drafts w USING ("partition")
UNION ALL
SELECT 4, 'verified_pairs', d."partition", coalesce(u.kept, 0),
  coalesce(s.kept, 0), coalesce(s.rejected, 0), coalesce(s.failed, 0), coalesce(w.n, 0)
FROM domains d LEFT JOIN drafted u USING ("partition") LEFT JOIN verified s USING ("partition")
LEFT JOIN pending_pairs w USING ("partition")
UNION ALL
-- Where pass rates are switched off, only the pairs that have one come in.
SELECT 5, 'pass_rates', d."partition",
  CASE WHEN $pass_rates THEN coalesce(u.kept, 0) ELSE coalesce(w.with_rate, 0) END,
  coalesce(s.kept, 0), coalesce(s.rejected, 0), coalesce(s.failed, 0),
  CASE WHEN $pass_rates THEN coalesce(w.n, 0) ELSE 0 END
FROM domains d LEFT JOIN verified u USING ("partition") LEFT JOIN rated s USING ("partition")
LEFT JOIN pending_rates w USING ("partition")
WHERE $pass_rates OR s."partition" IS NOT NULL
UNION ALL
SELECT 6, 'final_splits', d."partition", coalesce(u.kept, 0),
  coalesce(s.kept, 0), coalesce(s.rejected, 0), coalesce(s.failed, 0), coalesce(w.n, 0)
FROM domains d LEFT JOIN verified u USING ("partition") LEFT JOIN placed s USING ("partition")
LEFT JOIN pending_splits w USING ("partition")
ORDER BY 1, 3
