-- Rows of earlier readings of a shard that the last one, which was complete, did not give again.
DELETE FROM source_documents WHERE run_id <> $run_id
