-- A domain's documents that came from a shard; all of them without $shard.
SELECT doc_id FROM filtered_documents WHERE $shard IS NULL OR shard = $shard ORDER BY doc_id
