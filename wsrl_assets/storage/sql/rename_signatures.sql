-- What a domain keeps under its new slug.
UPDATE signatures SET domain = $new WHERE domain = $old
