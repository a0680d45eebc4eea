-- In which domain and from which shard a pair, or a document, is.
SELECT f."partition" AS domain, f.doc_id, f.shard, q.draft_id AS pair_id
FROM filtered_documents f
LEFT JOIN qa_drafts q ON q."partition" = f."partition" AND q.doc_id = f.doc_id
WHERE ($pair_id = '' OR starts_with(q.draft_id, $pair_id))
  AND ($doc_id = '' OR f.doc_id = $doc_id)
ORDER BY q.draft_id
LIMIT 2
