-- Some pairs of work_places.
SELECT pair_id, doc_id, parent_id, document_cluster, question, answer
FROM work_places
WHERE number BETWEEN $first AND $last
ORDER BY number
