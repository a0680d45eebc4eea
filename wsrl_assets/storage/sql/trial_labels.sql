-- What people say of pairs, by what these ask of which document; disputed pairs are left out.
SELECT q.doc_id, q.form, q.question, q.answer, min(l.verdict) = 'accept' AS is_good
FROM review_labels l JOIN qa_drafts q ON q.draft_id = l.pair_id
WHERE l.verdict IS NOT NULL
GROUP BY q.doc_id, q.form, q.question, q.answer
HAVING count(DISTINCT l.verdict) = 1
