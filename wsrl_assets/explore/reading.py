"""What the pages show, read from the snapshots. No request keeps a file open, or locks one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from wsrl_assets.explore.filters import (
    NO_LICENCE,
    PAGE_SIZE,
    AlikeFilter,
    DocumentFilter,
    Filter,
    Query,
)
from wsrl_assets.release.licences import licence_columns, stated_value
from wsrl_assets.release.questions import normal_answer
from wsrl_assets.reporting.diversity import sampled
from wsrl_assets.reporting.meaning import GROUPED, LikeGroup, embedded, like_groups
from wsrl_assets.storage import Partition, PartitionKind, Store, catalog
from wsrl_assets.storage.instances import Connection
from wsrl_assets.storage.trace import recipes_and_calls
from wsrl_assets.storage.transaction import frame
from wsrl_assets.taxonomy.stages import RECIPE_COLUMNS

FACETS = (
    "verdict",
    "domain",
    "reason",
    "answer_type",
    "form",
    "model",
    "recipe",
    "review",
    "split",
    "release",
)
_DOCUMENT_COLUMNS = (
    "verdict",
    "left_at",
    "reason",
    "domain",
    "language",
    "split",
    "release",
    "recipe",
    "shard",
)
DOCUMENT_FACETS = (*_DOCUMENT_COLUMNS, "licence")
VERDICTS = ("kept", "rejected", "failed", "pending")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Option:
    """A value that rows can be filtered by, and how many the other filters leave it."""

    value: str
    rows: int


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of pairs or documents.

    Attributes:
        filter: what was asked for, with a page that exists.
        rows: those of the page.
        total: how many the filter lets through.
        stored: how many there are.
        facets: the options of each of `FACETS`, or `DOCUMENT_FACETS`.
    """

    filter: Query
    rows: Sequence[Row]
    total: int
    stored: int
    facets: Mapping[str, Sequence[Option]]

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE_SIZE))


@dataclass(frozen=True, slots=True)
class Alike:
    """Questions that are close to one another in meaning.

    Attributes:
        pairs: as in `explore_alike.sql`, in their order.
        cosine: to its nearest one, of the question that is the least close to the others.
        answers: how many different answers they have.
    """

    pairs: Sequence[Row]
    cosine: float
    answers: int


@dataclass(frozen=True, slots=True)
class AlikeListing:
    """Groups of like questions.

    Attributes:
        filter: what was asked for, with a page that exists.
        rows: the groups of the page, the largest first.
        total: how many groups there are.
        model: of the embeddings; none if too few questions have one.
        compared: how many questions were compared.
        embedded: how many of them have an embedding.
        facets: domains, with how many of their questions have an embedding.
    """

    filter: AlikeFilter
    rows: Sequence[Alike]
    total: int
    model: str | None
    compared: int
    embedded: int
    facets: Mapping[str, Sequence[Option]]

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE_SIZE))


@dataclass(frozen=True, slots=True)
class PairView:
    """A pair with all that is behind it, and what people say of it.

    `row` is as in `trace_pair.sql`, `labels` as in `review_of_pair.sql`; recipes are by hash.
    """

    row: Row
    outcome: Row
    document: Row
    recipes: Mapping[str, Row]
    calls: Sequence[Row]
    labels: Sequence[Row] = ()


@dataclass(frozen=True, slots=True)
class Around:
    """Where a pair stands among those that a filter lets through.

    Attributes:
        position, total: its place in their order, from 1, and how many they are.
        previous, next: the pairs beside it; none at an end.
        mine, reviewed: how many the reviewer has given a verdict on, and how many anybody has.
        to_review: the next pair without a verdict of the reviewer, from the start again at the end.
    """

    position: int
    total: int
    mine: int
    reviewed: int
    previous: str | None
    next: str | None
    to_review: str | None


@dataclass(frozen=True, slots=True)
class DocumentView:
    """A document with all its pairs.

    Attributes:
        row: as in `explore_document.sql`, where a domain has it; else its first source.
        pairs: its pairs, as in the view `pairs`.
        sources: the rows of shards that have it, as in `explore_sources.sql`.
    """

    row: Row
    pairs: Sequence[Row]
    sources: Sequence[Row]


def listing(store: Store, asked: Filter) -> Listing:
    """The page of pairs that a filter asks for."""
    with catalog(store, _with_pairs(store)) as connection:
        counts = frame(connection, "explore_counts", text=asked.text, sample=asked.sample)
        total = int(_matching(counts, asked, FACETS)["rows"].sum())
        shown = asked.having(page=min(asked.page, max(1, -(-total // PAGE_SIZE))))
        rows = _page(connection, shown) if total else []
        stored = total
        if asked.chosen:
            (stored,) = connection.execute("SELECT count(*) FROM qa_drafts").fetchall()[0]
    return Listing(shown, rows, total, stored, _facets(counts, asked, FACETS))


def documents(store: Store, asked: DocumentFilter) -> Listing:
    """The page of documents that a filter asks for."""
    with catalog(store) as connection:
        columns = _licence_columns(connection)
        found = frame(
            connection, "explore_documents_counts", text=asked.text, licence_columns=columns
        )
        counts = found.with_columns(said=_licences(found["licence"]))
        written = counts.filter(said=asked.licence)["licence"].unique().to_list()
        counts = counts.drop("licence").rename({"said": "licence"})
        total = int(_matching(counts, asked, DOCUMENT_FACETS)["rows"].sum())
        shown = asked.having(page=min(asked.page, max(1, -(-total // PAGE_SIZE))))
        rows = frame(
            connection,
            "explore_documents_page",
            **{name: getattr(shown, name) for name in ("text", "sort", *_DOCUMENT_COLUMNS)},
            by_licence=bool(asked.licence),
            licence_columns=columns,
            licences=written,
            size=PAGE_SIZE,
            offset=(shown.page - 1) * PAGE_SIZE,
        ).to_dicts()
        (stored,) = connection.execute("SELECT count(*) FROM source_documents").fetchall()[0]
    return Listing(shown, rows, total, stored, _facets(counts, asked, DOCUMENT_FACETS))


def alike(store: Store, asked: AlikeFilter) -> AlikeListing:
    """Groups of questions that are close in meaning, by the embeddings that the index keeps."""
    with catalog(store, _with_pairs(store)) as connection:
        known = frame(connection, "explore_embedded")
        wanted = known.filter(domain=asked.domain) if asked.domain else known
        ids = pl.DataFrame({"pair_id": sampled(wanted["pair_id"], GROUPED)}, {"pair_id": pl.String})
        found = embedded(frame(connection, "release_vectors", {"pairs_of_release": ids}))
        groups = like_groups(found) if found else []
        shown = asked.having(page=min(asked.page, max(1, -(-len(groups) // PAGE_SIZE))))
        first = (shown.page - 1) * PAGE_SIZE
        rows = [_alike(connection, group) for group in groups[first : first + PAGE_SIZE]]
    return AlikeListing(
        shown,
        [row for row in rows if row.pairs],
        len(groups),
        found.model if found else None,
        len(found.pair_ids) if found else 0,
        wanted.height,
        {"domain": _options(known.group_by("domain").agg(rows=pl.len()), asked, "domain")},
    )


def find_pair(store: Store, prefix: str) -> PairView | None:
    """The pair whose id begins so, if there is exactly one."""
    home = _home(store, pair_id=prefix)
    if home is None:
        return None
    with catalog(store, _around(store, home)) as connection:
        row = _first(frame(connection, "trace_pair", prefix=f"{home['pair_id']}%"))
        if row is None:  # a run has taken it away since
            return None
        document = _first(frame(connection, "explore_document", doc_id=row["doc_id"]))
        told = [p for p in _pairs_of(connection, row["doc_id"]) if p["pair_id"] == row["draft_id"]]
        if document is None or not told:
            return None
        recipes, calls = recipes_and_calls(connection, row)
        labels = frame(connection, "review_of_pair", pair_id=row["draft_id"]).to_dicts()
    return PairView(row, told[0], document, recipes, calls, labels)


def around(store: Store, asked: Filter, pair_id: str, reviewer: str) -> Around:
    """Where a pair stands in a filter, and how far a reviewer is with that.

    An empty `pair_id` stands before the first one.
    """
    with catalog(store, _with_pairs(store)) as connection:
        found = frame(
            connection, "explore_around", **_chosen(asked), pair_id=pair_id, reviewer=reviewer
        )
    return Around(**found.row(0, named=True))


def find_document(store: Store, doc_id: str) -> DocumentView | None:
    """The document of that id, if a shard has it, whatever became of it."""
    home = _home(store, doc_id=doc_id)
    around_it = None if home is None else _around(store, home)
    with catalog(store, around_it) as connection:
        sources = frame(connection, "explore_sources", doc_id=doc_id).to_dicts()
        row = _first(frame(connection, "explore_document", doc_id=doc_id))
        pairs = _pairs_of(connection, doc_id)
    if row is None and not sources:
        return None
    return DocumentView(row or _without_domain(sources[0]), pairs, sources)


def samples(store: Store) -> list[Row]:
    """The samples that were drawn, with how far each was read, as `review_progress.sql`."""
    with catalog(store, store.partitions(PartitionKind.LIBRARY)) as connection:
        return frame(connection, "review_progress").to_dicts()


def recipes_of(view: PairView) -> list[Row]:
    """The recipes behind a pair, in order of the stages, each once."""
    hashes = dict.fromkeys(view.row[key] for key in RECIPE_COLUMNS.values())
    return [view.recipes[found] for found in hashes if found in view.recipes]


def _alike(connection: Connection, group: LikeGroup) -> Alike:
    ids = pl.DataFrame({"pair_id": group.pair_ids}, {"pair_id": pl.String})
    pairs = frame(connection, "explore_alike", {"alike": ids}).to_dicts()
    return Alike(pairs, group.cosine, len({normal_answer(pair["answer"]) for pair in pairs}))


def _page(connection: Connection, shown: Filter) -> list[Row]:
    return frame(
        connection,
        "explore_page",
        **_chosen(shown),
        size=PAGE_SIZE,
        offset=(shown.page - 1) * PAGE_SIZE,
    ).to_dicts()


def _without_domain(source: Row) -> Row:
    """A document that no domain has, in the columns of one that has."""
    return {
        **source,
        "text": source["text"] or "",
        "status": source["verdict"],
        "triage_explanation": None,
        "personas": [],
        "personas_reason": None,
    }


def _licence_columns(connection: Connection) -> list[str]:
    """The columns of source rows that state a licence, the best first, as JSON pointers."""
    names = licence_columns(frame(connection, "explore_licence_columns")["name"])
    return ["/" + name.replace("~", "~0").replace("/", "~1") for name in names]


def _licences(written: pl.Series) -> pl.Series:
    """Licences as they are shown; the same one may be written in several ways."""
    shown = {value: stated_value(value) or NO_LICENCE for value in written.unique()}
    return pl.Series([shown[value] for value in written], dtype=pl.String)


def _chosen(asked: Filter) -> dict[str, str]:
    return {name: getattr(asked, name) for name in ("text", "sample", *FACETS)}


def _matching(
    counts: pl.DataFrame, asked: Query, facets: Sequence[str], but: str = ""
) -> pl.DataFrame:
    wanted = [
        pl.col(name) == getattr(asked, name)
        for name in facets
        if name != but and getattr(asked, name)
    ]
    return counts.filter(*wanted) if wanted else counts


def _facets(
    counts: pl.DataFrame, asked: Query, facets: Sequence[str]
) -> dict[str, Sequence[Option]]:
    return {
        name: _options(_matching(counts, asked, facets, but=name), asked, name) for name in facets
    }


def _options(matching: pl.DataFrame, asked: Query, name: str) -> list[Option]:
    """The values of a facet in what the others let through, and the chosen one in any case."""
    found = (
        matching.filter(pl.col(name).is_not_null())
        .group_by(name)
        .agg(pl.col("rows").sum())
        .sort("rows", name, descending=[True, False])
    )
    options = [Option(value, int(rows)) for value, rows in found.iter_rows()]
    chosen = getattr(asked, name)
    if chosen and chosen not in [option.value for option in options]:
        options.insert(0, Option(chosen, 0))
    if name == "verdict":
        options.sort(key=lambda option: _place(option.value))
    return options


def _place(verdict: str) -> int:
    return VERDICTS.index(verdict) if verdict in VERDICTS else len(VERDICTS)


def _home(store: Store, pair_id: str = "", doc_id: str = "") -> Row | None:
    with catalog(store, store.partitions(PartitionKind.DOMAIN)) as connection:
        found = frame(connection, "explore_home", pair_id=pair_id, doc_id=doc_id).to_dicts()
    if not found or (pair_id and len(found) != 1):
        return None
    return found[0]


def _first(found: pl.DataFrame) -> Row | None:
    """The first row. More than one is there only where an id is doubled, which a check tells of."""
    return found.row(0, named=True) if found.height else None


def _pairs_of(connection: Connection, doc_id: str) -> list[Row]:
    return frame(connection, "explore_document_pairs", doc_id=doc_id).to_dicts()


def _with_pairs(store: Store) -> Collection[Partition]:
    return [*store.partitions(PartitionKind.DOMAIN), *store.partitions(PartitionKind.LIBRARY)]


def _around(store: Store, home: Row) -> Collection[Partition]:
    """The files that a pair's or document's story is in: one domain, one shard, the library."""
    return [
        Partition.domain(home["domain"]),
        Partition.shard(home["shard"]),
        *store.partitions(PartitionKind.LIBRARY),
    ]
