"""What the assets are partitioned by: shards as they are registered, and the ten domains."""

from collections.abc import Mapping

import dagster as dg

from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.stages import PartitionedBy

SHARDS = dg.DynamicPartitionsDefinition(name="shard")
DOMAINS = dg.StaticPartitionsDefinition([str(domain) for domain in Domain])

DEFINITIONS: Mapping[PartitionedBy, dg.PartitionsDefinition | None] = {
    PartitionedBy.SHARD: SHARDS,
    PartitionedBy.DOMAIN: DOMAINS,
    PartitionedBy.RELEASE: None,
}
