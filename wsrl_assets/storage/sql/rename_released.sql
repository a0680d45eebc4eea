-- A domain's pairs in the newest release under its new slug.
UPDATE released_pairs SET domain = $new WHERE domain = $old
