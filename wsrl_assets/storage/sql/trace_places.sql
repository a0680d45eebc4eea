-- In which domains drafts stand, and from which shards they come, on a catalog of domains.
SELECT DISTINCT q."partition" AS domain, f.shard
FROM (SELECT "partition", doc_id FROM qa_drafts WHERE draft_id LIKE $prefix LIMIT 20) q
LEFT JOIN filtered_documents f ON f."partition" = q."partition" AND f.doc_id = q.doc_id
