-- Some documents of work_triage.
SELECT w.doc_id, s.text, w.is_triaged
FROM source_documents s JOIN work_triage w ON w.place = s.rowid
WHERE w.number BETWEEN $first AND $last
ORDER BY w.number
