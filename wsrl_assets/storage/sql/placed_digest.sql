-- See qualified_digests.sql: the pairs of a domain that have a place.
SELECT count(*), sum(hash(pair_id))::VARCHAR FROM final_splits WHERE status = 'kept'
