"""Preconditions checked before any release."""

import polars as pl

from wsrl_assets.release import quality
from wsrl_assets.release.dataset import ReleaseError
from wsrl_assets.storage import Store, catalog
from wsrl_assets.storage.home_accounting import home_accounts
from wsrl_assets.storage.transaction import frame
from wsrl_assets.taxonomy.stages import Stage
from wsrl_assets.taxonomy.wanted import Wanted

# What a release is read from. Earlier stages block what follows them in their own runs.
_READ = (Stage.VERIFIED_PAIRS, Stage.FINAL_SPLITS)


def check_preconditions(store: Store, wanted: Wanted) -> None:
    """Looks over the placed pairs of all domains before a release is made of them.

    These are the blocking checks of `final_splits` once more, over all domains: a check that failed
    in a run of its own stops nothing in another.

    Args:
        store: the databases.
        wanted: see `accounts`.

    Raises:
        ReleaseError: rows do not add up, an id is there twice, a source document feeds two
            splits, or a pair of a withdrawn document has a place. The release before stays.
    """
    counted = home_accounts(store, wanted or Wanted())
    with catalog(store) as connection:
        withdrawn = frame(connection, "withdrawn_pairs").rows()
        pairs = frame(connection, "placed_sources")
    lost = [a for a in counted if a.stage in _READ and not a.balanced]
    if lost:
        first = lost[0]
        raise ReleaseError(
            f"no release: the rows of {first.stage} in {first.partition} do not add up "
            f"({first.rows_in} in; {first.kept} kept, {first.rejected} rejected, "
            f"{first.failed} failed, {first.pending} pending). Materialize that partition again."
        )
    if withdrawn:
        domain, pairs_left = withdrawn[0]
        raise ReleaseError(
            f"no release: {pairs_left} pairs of withdrawn documents still have a place in "
            f"{domain}. `wsrl run` takes them out."
        )
    for finding in (quality.unique_ids(repeated(pairs)), quality.one_split_per_source(pairs)):
        if not finding.passed:
            raise ReleaseError(
                f"no release: {finding.says} Materialize final_splits again in that domain; the "
                "release before stays."
            )


def repeated(pairs: pl.DataFrame) -> pl.DataFrame:
    """The ids that stand in more than one row of `pairs` (column `pair_id`): `id`, `rows`."""
    counted = pairs.group_by(id="pair_id").agg(pl.len().alias("rows"))
    return counted.filter(pl.col("rows") > 1).sort("id")
