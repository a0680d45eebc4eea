SELECT DISTINCT form FROM qa_drafts ORDER BY form
