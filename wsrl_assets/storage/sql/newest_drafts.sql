-- The newest drafts of a domain, as many as are shown at most.
SELECT draft_id FROM qa_drafts WHERE "partition" = $partition ORDER BY created_at DESC LIMIT $most
