-- The source documents of a domain's pairs that have a place: how many, and those in several splits.
SELECT count(*) AS sources,
  coalesce(list(parent_id ORDER BY parent_id) FILTER (WHERE first_split <> last_split), []) AS leaking
FROM (
  SELECT f.parent_id, min(s.first_split) AS first_split, max(s.last_split) AS last_split
  FROM (
    SELECT doc_id, min(split) AS first_split, max(split) AS last_split
    FROM final_splits WHERE status = 'kept'
    GROUP BY doc_id
  ) s
  JOIN filtered_documents f ON f.doc_id = s.doc_id
  GROUP BY f.parent_id
)
