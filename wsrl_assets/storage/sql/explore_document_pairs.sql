-- All pairs of a document, those that were rejected too.
SELECT * FROM pairs WHERE doc_id = $doc_id ORDER BY persona_index, form, pair_id LIMIT 500
