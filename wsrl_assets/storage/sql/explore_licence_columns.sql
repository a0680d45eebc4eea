-- The columns of source rows, in metadata that could state a licence at all.
SELECT DISTINCT unnest(json_keys(metadata)) AS name
FROM source_documents
WHERE regexp_matches(metadata, '(?i)licen[cs]e|spdx|rights') AND json_valid(metadata)
ORDER BY name
