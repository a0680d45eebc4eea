"""Which pairs a spec takes, and why it leaves the others.

Pairs of a domain stand in the order of a hash of pair id and seed. A cap takes the first of them; a
size takes the pairs whose place in that order, divided by the domain's weight, is lowest. So
domains fill up in proportion to their weights, what a small domain cannot give is given by the
others, and added data never brings back a pair that was left out because the size was reached.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from wsrl_assets.release.spec import ReleaseSpec
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.text.hashing import seeded_draw

NOT_IN_SPEC = "not_in_spec"
OVER_CAP = "over_cap"
RETIRED_DOMAIN = "retired_domain"
OVER_SIZE = "over_size"
OVER_SHARE = "over_unanswerable_share"

_NO_TEXT = pl.lit(None, dtype=pl.String)

Selected = tuple[pl.DataFrame, pl.DataFrame]
"""The pairs that stay, and the others with columns `reason` and `detail`."""


@dataclass(frozen=True, slots=True)
class Mixed:
    """What was asked of one domain, and the result.

    Attributes:
        domain: its name.
        weight, cap: as the spec says; none where it does not, or does not ask for the domain.
        asked: its part of the size by weight, rounded, or its cap; none if nothing bounds it.
        available: pairs that might have been taken.
        got: pairs that were.
    """

    domain: str
    weight: float | None
    cap: int | None
    asked: int | None
    available: int
    got: int


def in_use(pairs: pl.DataFrame) -> Selected:
    """Leaves out the pairs of domains that were retired. `pairs` has at least the column slug."""
    is_retired = pl.col("slug").is_in([str(domain) for domain in Domain]).not_()
    reason = pl.when(is_retired).then(pl.lit(RETIRED_DOMAIN))
    detail = pl.when(is_retired).then(pl.format("{} is not among the domains in use", "slug"))
    return selected(pairs.with_columns(reason=reason, detail=detail))


def in_spec(pairs: pl.DataFrame, spec: ReleaseSpec) -> Selected:
    """Leaves out the domains, answer types and forms that the spec does not ask for.

    `pairs` has at least the columns slug, answer_type and form.
    """
    reasons = [
        _unless("slug", None if spec.domains is None else list(spec.domains), "domain"),
        _unless("answer_type", spec.answer_types, "answer type"),
        _unless("form", spec.forms, "form"),
    ]
    marked = pairs.with_columns(
        reason=pl.lit(None, dtype=pl.String), detail=pl.coalesce(*reasons)
    ).with_columns(reason=pl.when(pl.col("detail").is_not_null()).then(pl.lit(NOT_IN_SPEC)))
    return selected(marked)


def in_share(pairs: pl.DataFrame, spec: ReleaseSpec) -> Selected:
    """Leaves out unanswerable pairs over their share of the whole, by lot.

    `pairs` has at least the columns pair_id and form. A size that is applied afterwards keeps the
    share up to the luck of the draw.
    """
    is_open = pl.col("form") == Form.UNANSWERABLE
    unanswerable = pairs.filter(is_open)
    share = spec.unanswerable
    if share is None or unanswerable.is_empty():
        return selected(pairs.with_columns(reason=_NO_TEXT, detail=_NO_TEXT))
    most = int(share / (1 - share) * (pairs.height - unanswerable.height))
    drawn = sorted(unanswerable["pair_id"], key=lambda pair_id: seeded_draw(spec.seed, pair_id))
    over = is_open & ~pl.col("pair_id").is_in(drawn[:most])
    detail = f"{unanswerable.height} pairs, room for {most}"
    return selected(
        pairs.with_columns(
            reason=pl.when(over).then(pl.lit(OVER_SHARE)),
            detail=pl.when(over).then(pl.lit(detail)),
        )
    )


def in_proportion(pairs: pl.DataFrame, spec: ReleaseSpec) -> Selected:
    """Leaves out what is over the domains' caps, and over the size.

    `pairs` has at least the columns slug and pair_id, of domains that the spec asks for.
    """
    caps = {str(d): share.cap for d, share in (spec.domains or {}).items()}
    if spec.size is None and not any(cap is not None for cap in caps.values()):
        nothing = pl.lit(None, dtype=pl.String)
        return pairs, pairs.clear().with_columns(reason=nothing, detail=nothing)
    weights = {str(domain): weight for domain, weight in spec.weights.items()}
    drawn = pairs.with_columns(
        draw=pl.Series(
            [seeded_draw(spec.seed, pair_id) for pair_id in pairs["pair_id"]], dtype=pl.UInt64
        )
    ).with_columns(
        place=pl.struct("draw", "pair_id").rank("ordinal").over("slug"),
        cap=_looked_up("slug", caps, pl.Int64),
        weight=_looked_up("slug", weights, pl.Float64).fill_null(1.0),
    )
    fits_cap = pl.col("cap").is_null() | (pl.col("place") <= pl.col("cap"))
    # Only what fits its cap asks for room.
    turn = pl.col("place") / pl.col("weight") if spec.weighted else pl.lit(0.0)
    fits_size = pl.lit(True) if spec.size is None else pl.col("number") <= spec.size
    marked = (
        drawn.with_columns(fits_cap=fits_cap, turn=turn)
        .sort(pl.col("fits_cap").not_(), "turn", "draw", "pair_id")
        .with_row_index("number", offset=1)
        .with_columns(
            reason=pl.when(~pl.col("fits_cap"))
            .then(pl.lit(OVER_CAP))
            .when(~fits_size)
            .then(pl.lit(OVER_SIZE)),
            detail=pl.when(~pl.col("fits_cap"))
            .then(pl.format("number {} of its domain, cap {}", "place", "cap"))
            .when(~fits_size)
            .then(pl.format("number {}, size {}", "number", pl.lit(spec.size or 0))),
        )
        .sort("pair_id")
        .select(*pairs.columns, "reason", "detail")
    )
    return selected(marked)


def mixture(candidates: pl.DataFrame, kept: pl.DataFrame, spec: ReleaseSpec) -> list[Mixed]:
    """Asked against got, for every domain that is asked for or has pairs.

    Args:
        candidates: pairs that might have been taken, with a column `slug`.
        kept: those that were.
        spec: what was asked.
    """
    available, got = _by_slug(candidates), _by_slug(kept)
    weights = spec.weights
    rows = []
    for domain in Domain:
        share = spec.share(domain)
        if not (available.get(domain) or (spec.domains and share)):
            continue
        rows.append(
            Mixed(
                domain.label,
                weights.get(domain) if spec.weighted else None,
                share.cap if share else 0,
                _asked(domain, spec),
                available.get(domain, 0),
                got.get(domain, 0),
            )
        )
    return rows


def selected(marked: pl.DataFrame) -> Selected:
    """Pairs with a `reason` or none, and a `detail`, told apart."""
    stays = pl.col("reason").is_null()
    return marked.filter(stays).drop("reason", "detail"), marked.filter(~stays)


def _asked(domain: Domain, spec: ReleaseSpec) -> int | None:
    share, weights = spec.share(domain), spec.weights
    if share is None:
        return 0
    parts = [share.cap] if share.cap is not None else []
    if spec.weighted and spec.size is not None:
        parts.append(round(spec.size * weights[domain] / sum(weights.values())))
    return min(parts, default=None)


def _by_slug(pairs: pl.DataFrame) -> dict[str, int]:
    return dict(pairs.group_by("slug").len().iter_rows())


def _unless(column: str, wanted: Sequence[str] | None, name: str) -> pl.Expr:
    """A sentence where the column holds what is not wanted."""
    if wanted is None:
        return pl.lit(None, dtype=pl.String)
    asked = pl.col(column).is_in([str(value) for value in wanted])
    said = pl.format(f"{name} {{}} is not asked for", pl.col(column).fill_null("none"))
    return pl.when(~asked.fill_null(False)).then(said)


def _looked_up(column: str, values: Mapping[str, object], dtype: type[pl.DataType]) -> pl.Expr:
    if not values:
        return pl.lit(None, dtype=dtype)
    return pl.col(column).replace_strict(values, default=None, return_dtype=dtype)
