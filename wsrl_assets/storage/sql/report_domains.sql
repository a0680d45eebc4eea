-- Each domain from its documents to the newest release.
WITH
documents AS (
  SELECT "partition" AS domain, count(*) AS qualified,
    count(*) FILTER (WHERE status = 'kept') AS documents,
    count(*) FILTER (WHERE reason = 'near_duplicate') AS near_duplicates
  FROM filtered_documents GROUP BY ALL
),
drafted AS (
  SELECT domain, count(*) AS drafts,
    count(*) FILTER (WHERE left_at IS NULL OR left_at <> 'qa_drafts') AS drafted,
    count(*) FILTER (WHERE verdict <> 'pending'
      AND (left_at IS NULL OR left_at NOT IN ('qa_drafts', 'verified_pairs'))) AS verified,
    count(*) FILTER (WHERE split IS NOT NULL
      AND (left_at IS NULL OR left_at = 'rl_dataset')) AS placed,
    count(*) FILTER (WHERE release = $release AND verdict = 'kept') AS released,
    count(*) FILTER (WHERE reason = 'duplicate_question') AS duplicate_questions,
    count(*) FILTER (WHERE reason = 'contaminated') AS contaminated
  FROM pairs GROUP BY ALL
)
SELECT domain, d.qualified, d.documents, d.near_duplicates,
  coalesce(p.drafts, 0) AS drafts, coalesce(p.drafted, 0) AS drafted,
  coalesce(p.verified, 0) AS verified, coalesce(p.placed, 0) AS placed,
  coalesce(p.released, 0) AS released, coalesce(p.duplicate_questions, 0) AS duplicate_questions,
  coalesce(p.contaminated, 0) AS contaminated
FROM documents d LEFT JOIN drafted p USING (domain)
ORDER BY released DESC, domain
