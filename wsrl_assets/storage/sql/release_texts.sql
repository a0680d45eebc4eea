-- What pairs, registered as chosen, have of their documents, on the catalog, in any order. A question
-- of two documents has both texts, as `storage.basis.joined` puts them.
WITH others AS (
  SELECT c.place, k.text
  FROM chosen c
  JOIN qa_drafts q ON q."partition" = c.slug AND q.draft_id = c.pair_id
  JOIN filtered_documents k ON k."partition" = c.slug AND k.doc_id = q.basis ->> '$.kin'
  WHERE q.form = 'cross_document'
)
SELECT c.place, f.text || coalesce(chr(10) || chr(10) || o.text, '') AS pretrain_text,
  f.shard, f.source_row, f.title, f.metadata
FROM filtered_documents f
JOIN chosen c ON c.slug = f."partition" AND c.doc_id = f.doc_id
LEFT JOIN others o ON o.place = c.place
