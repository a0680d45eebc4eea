-- A domain's documents under its new slug.
UPDATE triaged_documents SET domain = $new WHERE domain = $old
