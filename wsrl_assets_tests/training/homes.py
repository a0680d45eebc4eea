"""A home with a release that is large enough for a proof: documents, pairs and drafts."""

from pathlib import Path

from wsrl_assets.release.dataset import Release, build_release
from wsrl_assets.release.finalise import split_domain
from wsrl_assets.release.splits import SplitSettings
from wsrl_assets.storage import Store
from wsrl_assets.storage.tables import Status
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets_tests.factories import IN_SHARD, source_document
from wsrl_assets_tests.release.pairs import Pair, plant

THINGS = (
    "Suez canal, old bridge, north station, opera house, city museum, stone harbour, glass "
    "factory, royal theatre, mountain railway, east lighthouse, grand hotel, botanical garden"
).split(", ")


def pairs(status: Status = Status.KEPT) -> list[Pair]:
    """A pair for each thing; a rejected one asks of another year than the passage tells."""
    return [
        Pair(
            f"When was the {thing} {'opened' if status is Status.KEPT else 'planned'}?",
            source=thing,
            answer=str(1850 + 7 * number),
            status=status,
        )
        for number, thing in enumerate(THINGS)
    ]


def proof_home(home: Path, settings: SplitSettings | None = None) -> tuple[Store, Release]:
    """The home and its release; without a test split if no settings are given."""
    store = Store(home)
    kept = pairs()
    plant(store, [*kept, *pairs(Status.REJECTED)])
    split_domain(store, Domain.MATH, "run", settings or SplitSettings(0, 0))
    with store.transaction(IN_SHARD) as transaction:
        transaction.merge(
            [
                source_document(number, pair.text, parent_id=pair.parent_id)
                for number, pair in enumerate(kept)
            ]
        )
    store.publish(IN_SHARD)
    return store, build_release(store, "run")
