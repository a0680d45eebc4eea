-- See qualified_digests.sql: the pairs of each domain that were looked at for the newest release.
SELECT domain, count(*), sum(hash(pair_id))::VARCHAR FROM (SELECT DISTINCT domain, pair_id FROM released_pairs)
GROUP BY domain
