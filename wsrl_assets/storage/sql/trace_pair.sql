-- One draft, walked back to its shard, on the catalog. Each table is cut down to what belongs to it
-- before they are joined, so that no join holds a whole table in memory.
WITH drafts AS MATERIALIZED (
  FROM qa_drafts WHERE draft_id LIKE $prefix ORDER BY draft_id LIMIT 20
)
SELECT
  q."partition" AS domain, q.*, q.recipe AS draft_recipe, k.text AS kin_text,
  v.status AS pair_status, v.reason AS pair_reason, v.detail AS pair_detail, v.gold,
  v.evidence_start, v.evidence_end, v.round_trip_answer, v.verdicts,
  v.recipe AS verify_recipe, v.model AS pair_model, v.run_id AS pair_run_id,
  x.pass_rate, x.rollouts, x.passed, x.misses, x.model AS policy, x.recipe AS rate_recipe,
  s.recipe AS split_recipe, s.status AS split_status, s.reason AS split_reason, s.split,
  r.release, r.status AS release_status, r.reason AS release_reason, r.detail AS release_detail,
  p.recipe AS persona_recipe, p.model AS personas_model,
  f.recipe AS filter_recipe, f.title, f.text, f.shard, f.source_row, f.passage, f.parent_id, f.metadata,
  k.shard AS kin_shard, k.source_row AS kin_source_row, k.title AS kin_title,
  t.explanation AS triage_explanation, t.recipe AS triage_recipe, t.model AS triage_model,
  h.path AS shard_path, h.sha256 AS shard_sha256
FROM drafts q
LEFT JOIN (FROM verified_pairs WHERE pair_id IN (SELECT draft_id FROM drafts)) v
  ON v.pair_id = q.draft_id
LEFT JOIN (FROM pass_rates WHERE pair_id IN (SELECT draft_id FROM drafts)) x
  ON x.pair_id = q.draft_id
LEFT JOIN (FROM final_splits WHERE pair_id IN (SELECT draft_id FROM drafts)) s
  ON s.pair_id = q.draft_id
LEFT JOIN (FROM released_pairs WHERE pair_id IN (SELECT draft_id FROM drafts)) r
  ON r.pair_id = q.draft_id
LEFT JOIN (FROM personas WHERE doc_id IN (SELECT doc_id FROM drafts)) p
  ON p.doc_id = q.doc_id AND p."partition" = q."partition"
LEFT JOIN (FROM filtered_documents WHERE doc_id IN (SELECT doc_id FROM drafts)) f
  ON f.doc_id = q.doc_id AND f."partition" = q."partition"
LEFT JOIN (
  FROM filtered_documents WHERE doc_id IN (SELECT basis ->> '$.kin' FROM drafts)
) k ON k.doc_id = q.basis ->> '$.kin' AND k."partition" = q."partition"
LEFT JOIN (FROM triaged_documents WHERE doc_id IN (SELECT doc_id FROM drafts)) t
  ON t.doc_id = q.doc_id AND t."partition" = f.shard
LEFT JOIN shards h ON h.shard = f.shard
-- Where superseded rows are in the catalog, a document may have other personas since.
QUALIFY row_number() OVER (
  PARTITION BY q.draft_id ORDER BY p.created_at <= q.created_at DESC, p.created_at DESC
) = 1
ORDER BY q.draft_id
LIMIT 2
