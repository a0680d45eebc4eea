-- What pairs, registered as chosen, have of their drafts, on the catalog, in any order.
SELECT c.place, q.persona, q.question, q.answer, q.evidence, q.basis, q.model
FROM qa_drafts q
JOIN chosen c ON c.slug = q."partition" AND c.pair_id = q.draft_id
