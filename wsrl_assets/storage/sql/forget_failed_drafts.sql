-- Failed drafts that are to be tried again, which makes them pending. A retry by another recipe has
-- another id and would not replace them, and there is one draft for each persona and form.
DELETE FROM qa_drafts WHERE status = 'failed' AND list_contains($forms, form)
