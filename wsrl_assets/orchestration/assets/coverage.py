"""The asset `domain_coverage`: what is crowded in the domains, and which could be made of it."""

import dagster as dg

from wsrl_assets.orchestration.failures import as_failures
from wsrl_assets.orchestration.metadata import OWNERS
from wsrl_assets.orchestration.resources import SettingsResource, StoreResource
from wsrl_assets.reporting.coverage import FILE, Coverage, cover_domains, folder_of
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.stages import Stage
from wsrl_assets.text.markdown import table

NAME = "domain_coverage"


@dg.asset(
    name=NAME,
    deps=[
        dg.AssetDep(str(Stage.FILTERED_DOCUMENTS), partition_mapping=dg.AllPartitionMapping()),
        str(Stage.RL_DATASET),
    ],
    group_name="release",
    kinds={"yaml", "polars"},
    owners=OWNERS,
)
def domain_coverage(store: StoreResource, settings: SettingsResource) -> dg.MaterializeResult:
    """What is crowded in `other` and in the largest domains, and domains that could be made of it.

    Compares a sample of documents, by embeddings where `WSRL_EMBEDDING_MODEL` is set and by their
    words otherwise, and writes a file of domains to edit, with the proposals as comments.
    """
    database = store.open()
    with as_failures():
        found = cover_domains(database, settings.load().embedding_model)
    return dg.MaterializeResult(
        metadata={
            "proposals": len(found.proposals),
            "proposed": dg.MetadataValue.md(proposals_table(found)),
            "file": dg.MetadataValue.path(str(folder_of(database) / FILE)),
            "sampled_documents": sum(domain.sampled for domain in found.domains),
        },
        data_version=dg.DataVersion(found.basis),
    )


def proposals_table(found: Coverage) -> str:
    """The proposals as a markdown table."""
    if not found.proposals:
        return "nothing is crowded enough to propose a domain"
    rows = [
        [one.facts.label, Domain(one.source).label, f"{one.documents:,}", ", ".join(one.words)]
        for one in found.proposals
    ]
    return table(["proposed", "of", "documents", "words"], rows)
