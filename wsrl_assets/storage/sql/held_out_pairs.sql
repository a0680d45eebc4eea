-- Held-out pairs with their documents, those of one document next to each other.
SELECT q.draft_id AS pair_id, q.question, q.answer, v.gold, f.text
FROM qa_drafts q
JOIN verified_pairs v ON v.pair_id = q.draft_id
JOIN filtered_documents f ON f.doc_id = q.doc_id
WHERE list_contains($pair_ids, q.draft_id)
ORDER BY q.doc_id, q.draft_id
