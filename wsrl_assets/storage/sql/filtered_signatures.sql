SELECT doc_id, status, cluster_id, minhash FROM filtered_documents ORDER BY doc_id
