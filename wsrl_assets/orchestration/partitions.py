"""What the assets are partitioned by: shards as they are registered, and the ten domains."""

import dagster as dg

from wsrl_assets.taxonomy.domains import Domain

SHARDS = dg.DynamicPartitionsDefinition(name="shard")
DOMAINS = dg.StaticPartitionsDefinition([str(domain) for domain in Domain])
