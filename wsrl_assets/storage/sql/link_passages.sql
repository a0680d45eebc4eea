-- Notes source rows that repeat a passage, unless the passage is known to be of them.
INSERT INTO document_links BY NAME
SELECT n.doc_id, n.parent_id
FROM (SELECT unnest($doc_ids) AS doc_id, unnest($parent_ids) AS parent_id) n
ANTI JOIN document_links l ON l.doc_id = n.doc_id AND l.parent_id = n.parent_id
