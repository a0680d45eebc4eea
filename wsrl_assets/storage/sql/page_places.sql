-- Some pairs of work_places.
SELECT pair_id, doc_id, parent_id, document_cluster, question, answer, form, basis,
  kin_parent_id, kin_cluster
FROM work_places
WHERE number BETWEEN $first AND $last
ORDER BY number
