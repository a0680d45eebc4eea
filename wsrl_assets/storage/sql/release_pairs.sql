-- All columns of the pairs of a release, registered as chosen, in their order, on the catalog.
SELECT
  f.text AS pretrain_text, c.domain, q.persona, q.question, q.answer, c.pair_id, v.gold,
  c.answer_type, c.form, q.evidence, v.evidence_start, v.evidence_end, q.model, c.doc_id,
  c.parent_id, f.shard, f.source_row, f.title, f.metadata, c.license, c.source, c.split,
  c.pass_rate, c.rollouts, c.policy
FROM chosen c
JOIN qa_drafts q ON q."partition" = c.slug AND q.draft_id = c.pair_id
JOIN verified_pairs v ON v."partition" = c.slug AND v.pair_id = c.pair_id
JOIN filtered_documents f ON f."partition" = c.slug AND f.doc_id = c.doc_id
ORDER BY c.place
