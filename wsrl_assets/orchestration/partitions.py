"""What the assets are partitioned by: shards as they are registered, and the domains in use.

The domains are read when this is imported, which is when Dagster loads the definitions.
"""

from collections.abc import Mapping

import dagster as dg

from wsrl_assets.settings import load_domains
from wsrl_assets.taxonomy.domains import Domain, use_domains
from wsrl_assets.taxonomy.stages import PartitionedBy

use_domains(load_domains())
SHARDS = dg.DynamicPartitionsDefinition(name="shard")
DOMAINS = dg.StaticPartitionsDefinition([str(domain) for domain in Domain])

DEFINITIONS: Mapping[PartitionedBy, dg.PartitionsDefinition | None] = {
    PartitionedBy.SHARD: SHARDS,
    PartitionedBy.DOMAIN: DOMAINS,
    PartitionedBy.RELEASE: None,
}
