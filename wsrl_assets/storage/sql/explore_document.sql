-- A domain's document with what the stages before the questions said of it.
SELECT f."partition" AS domain, f.doc_id, f.title, f.text, f.tokens, f.shard, f.source_row,
  f.passage, f.parent_id, f.cluster_id, f.metadata, f.status, f.reason, f.detail,
  coalesce(p.personas, []) AS personas, p.status AS personas_status, p.reason AS personas_reason,
  p.model AS personas_model, p.recipe AS personas_recipe,
  t.explanation AS triage_explanation, t.model AS triage_model, t.recipe AS triage_recipe,
  h.path AS shard_path, h.sha256 AS shard_sha256
FROM filtered_documents f
LEFT JOIN personas p ON p."partition" = f."partition" AND p.doc_id = f.doc_id
LEFT JOIN triaged_documents t ON t."partition" = f.shard AND t.doc_id = f.doc_id
LEFT JOIN shards h ON h.shard = f.shard
WHERE f.doc_id = $doc_id
LIMIT 1
