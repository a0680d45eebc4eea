"""The report of a release: one HTML file that needs nothing else and prints well.

A release is immutable and holds its pairs alone, while a report also tells of what was rejected and
what it cost; so it lies beside the releases, as `HOME/reports/<release>.html`, and is written again
as those figures change.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
from markupsafe import Markup

from wsrl_assets.release.dataset import current_release, pairs_of_release, read_release
from wsrl_assets.release.folder import write_whole
from wsrl_assets.reporting import charts
from wsrl_assets.reporting.coverage import Coverage, read_coverage
from wsrl_assets.reporting.diversity import Diversity, diversity, sampled, starts
from wsrl_assets.reporting.meaning import (
    MOST,
    NEAR,
    Embedded,
    Spread,
    embedded,
    question_map,
    spread,
)
from wsrl_assets.reporting.pages import page_template
from wsrl_assets.reporting.personas import (
    MOST_DOCUMENTS,
    VENDI_OF,
    PersonaFindings,
    persona_findings,
)
from wsrl_assets.reporting.topic_losses import (
    CHARACTERS,
    MIN_DOCUMENTS,
    MIN_DRAFTS,
    SAMPLED,
    TopicLosses,
    topic_losses,
)
from wsrl_assets.reporting.topics import ALIKE, LEAST
from wsrl_assets.review.agreement import Agreement, read_agreement
from wsrl_assets.storage import Store, catalog
from wsrl_assets.storage.accounting import (
    Account,
    CallTotals,
    accounts,
    call_totals,
    spending,
)
from wsrl_assets.storage.basis import GradedFacts, graded_facts
from wsrl_assets.storage.instances import Connection
from wsrl_assets.storage.pass_rates import BUCKETS, RateHistogram, rate_histograms
from wsrl_assets.storage.tables import utc_now
from wsrl_assets.storage.transaction import frame
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.stages import STAGES
from wsrl_assets.text.highlight import Marked, excerpt
from wsrl_assets.verification.worked_out import Way

STAGE = "dataset_report"
SAMPLED_PAIRS = 30
_MOST = 15
_COUNTED = "pair_id parent_id domain split answer_type form persona question answer".split()
_RELEASED = {"released": charts.COLOURS["kept"], "not released": charts.COLOURS["pending"]}


@dataclass(frozen=True, slots=True)
class Sample:
    """A pair that the report shows, with its evidence marked in a piece of its document, and what
    an explanation must and must not say.
    """

    pair: Mapping[str, Any]
    evidence: Marked
    rubric: GradedFacts | None = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """How unlike the questions are by their embeddings, as the report shows it."""

    model: str
    map: Markup
    mapped: int
    variance: float
    spread: Spread


@dataclass(frozen=True, slots=True)
class Report:
    """What a report is made of.

    Attributes:
        name: the release.
        made_at: when the figures were read (UTC).
        pairs: its rows, in the columns that are counted.
        shown: the pairs to read, as `dataset.COLUMNS`; see `chosen`.
        accounts: of all stages and partitions.
        calls: the ledger, by stage and step.
        domains: each domain from documents to the release, as `report_domains.sql`.
        recipes: those of the released rows, in order of the stages; `body` is a mapping.
        benchmarks: what questions were compared with: `benchmark`, `ngrams`.
        rates: pass rates, where some were taken.
        embedded: embeddings of its questions, where there are enough.
        agreement: what people say of pairs against the checks, where somebody has read some.
        personas: what they did, where there are drafts.
        coverage: what is crowded in the domains, where somebody looked.
        topics: which topics lose questions, where there are drafts.
        worked_out: how golds were worked out from their questions: `how`, `answer_type`, `pairs`.
    """

    name: str
    made_at: datetime
    pairs: pl.DataFrame
    shown: pl.DataFrame
    accounts: Sequence[Account]
    calls: Sequence[CallTotals]
    domains: Sequence[Mapping[str, Any]]
    recipes: Sequence[Mapping[str, Any]]
    benchmarks: Sequence[Mapping[str, Any]]
    rates: Sequence[RateHistogram]
    embedded: Embedded | None
    agreement: Agreement | None = None
    personas: PersonaFindings | None = None
    coverage: Coverage | None = None
    topics: TopicLosses | None = None
    worked_out: Sequence[Mapping[str, Any]] = ()


def path_of(store: Store, release: str) -> Path:
    """Where the report of a release is, or will be."""
    return store.home / "reports" / f"{release}.html"


def write_report(store: Store) -> Path:
    """Writes the report of the current release, in place of an earlier one; returns its path.

    Raises:
        ReleaseError: there is no release.
    """
    report = gather(store)
    path = path_of(store, report.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, render(report))
    return path


def gather(store: Store) -> Report:
    """What there is to tell of the current release.

    Raises:
        ReleaseError: there is no release.
    """
    folder = current_release(store)
    with catalog(store) as connection:
        found = accounts(connection)
        pairs = read_release(folder, _COUNTED)
        ids = pl.DataFrame({"pair_id": sampled(pairs["pair_id"], MOST)}, {"pair_id": pl.String})
        vectors = frame(connection, "release_vectors", {"pairs_of_release": ids})
        return Report(
            folder.name,
            utc_now(),
            pairs,
            pairs_of_release(folder, chosen(pairs)),
            found,
            call_totals(connection),
            frame(connection, "report_domains", release=folder.name).to_dicts(),
            _recipes(frame(connection, "report_recipes", release=folder.name)),
            frame(connection, "report_benchmarks").to_dicts(),
            rate_histograms(connection),
            embedded(vectors),
            read_agreement(store),
            _personas(connection),
            read_coverage(store),
            topic_losses(
                frame(connection, "coverage_documents", documents=SAMPLED, characters=CHARACTERS),
                frame(connection, "report_drafted"),
            ),
            frame(
                connection, "report_worked_out", release=folder.name, ways=[str(way) for way in Way]
            ).to_dicts(),
        )


def _personas(connection: Connection) -> PersonaFindings | None:
    drafts = frame(connection, "report_personas", documents=MOST_DOCUMENTS)
    accepted = drafts.filter("is_accepted").select("pair_id")
    vectors = frame(connection, "release_vectors", {"pairs_of_release": accepted})
    return persona_findings(drafts, embedded(vectors))


def render(report: Report) -> str:
    """The report as one HTML page."""
    template = page_template(
        "wsrl_assets.reporting",
        "report.html.j2",
        label=lambda slug: Domain(slug).label,
        compact=lambda value: value if isinstance(value, str) else json.dumps(value),
        share=_share,
    )
    pairs = report.pairs
    return template.render(
        report=report,
        total=pairs.height,
        splits=_counts(pairs, "split"),
        sources=pairs["parent_id"].n_unique(),
        duplicates=_duplicates(report.accounts),
        spent=spending(report.calls, report.accounts),
        prompt_tokens=sum(call.prompt_tokens for call in report.calls),
        cached_tokens=sum(call.cached_tokens for call in report.calls),
        charts={name: Markup(svg) for name, svg in _charts(report).items()},
        personas=pairs["persona"].n_unique(),
        reasons=_reasons(report.accounts),
        diversity=_diversity(pairs),
        meaning=_meaning(report),
        near=NEAR,
        groups=len(Domain),
        least=LEAST,
        alike=ALIKE,
        samples=_samples(report.shown),
        vendi_of=VENDI_OF,
        least_of_topic=(MIN_DOCUMENTS, MIN_DRAFTS),
        buckets=BUCKETS,
    )


def chosen(pairs: pl.DataFrame, most: int = SAMPLED_PAIRS) -> list[str]:
    """The ids of pairs to read, the same ones each time, spread over the domains.

    `pairs`: columns `pair_id`, `domain`.
    """
    ranked = [
        (turn, domain, pair_id)
        for (domain,), some in pairs.group_by("domain")
        for turn, pair_id in enumerate(sampled(some["pair_id"], most))
    ]
    by_domain = sorted(sorted(ranked)[:most], key=lambda place: (place[1], place[0]))
    return [pair_id for _, _, pair_id in by_domain]


def _samples(pairs: pl.DataFrame) -> list[Sample]:
    return [
        Sample(
            row,
            excerpt(row["pretrain_text"], row["evidence_start"], row["evidence_end"]),
            graded_facts(row["basis"]),
        )
        for row in pairs.iter_rows(named=True)
    ]


def _charts(report: Report) -> dict[str, str]:
    pairs = report.pairs
    shapes = pairs.select(
        "answer_type", characters=pl.col("answer").str.len_chars(), pairs=pl.lit(1)
    )
    total = pairs.height or None
    domains = [
        charts.Stack(
            Domain(row["domain"]).label,
            {"released": row["released"], "not released": row["drafts"] - row["released"]},
        )
        for row in report.domains
    ]
    return {
        "funnel": charts.funnel(report.accounts),
        "domains": charts.stacks("Drafts by domain, released or not", domains, _RELEASED),
        "types": charts.bars("Pairs by answer type", charts.by_type(shapes), share_of=total),
        "lengths": charts.bars(
            "Pairs by length of answer", charts.by_length(shapes), share_of=total
        ),
        "forms": charts.bars("Pairs by form", _counts(pairs, "form"), share_of=total),
        "splits": charts.bars("Pairs by split", _counts(pairs, "split"), share_of=total),
        "starts": charts.bars(
            "Questions by their first two words", starts(pairs["question"], _MOST), share_of=total
        ),
        "personas": charts.bars(
            "Pairs by persona",
            [(name or "no persona", n) for name, n in _counts(pairs, "persona")[:_MOST]],
            share_of=total,
        ),
    }


def _counts(pairs: pl.DataFrame, column: str) -> list[tuple[str, int]]:
    counted = pairs.group_by(column).len().sort("len", column, descending=[True, False])
    return [(str(value), rows) for value, rows in counted.iter_rows()]


def _reasons(found: Sequence[Account]) -> list[tuple[str, list[tuple[str, int]]]]:
    """Reasons by stage, in order of the stages, the most frequent first."""
    by_stage: dict[str, dict[str, int]] = {}
    for account in found:
        reasons = by_stage.setdefault(account.stage, {})
        for word, rows in account.reasons.items():
            reasons[word] = reasons.get(word, 0) + rows
    return [
        (stage, sorted(by_stage[stage].items(), key=lambda item: (-item[1], item[0])))
        for stage in STAGES
        if by_stage.get(stage)
    ]


_DUPLICATES = (
    ("source_documents", "Exact duplicates of documents", ("exact_duplicate",)),
    ("filtered_documents", "Near-duplicates of documents", ("near_duplicate",)),
    ("final_splits", "Repeated questions", ("duplicate_question",)),
    ("rl_dataset", "Repeated questions, over domains", ("duplicate_question",)),
    ("final_splits", "Questions that overlap a benchmark", ("contaminated",)),
)


def _duplicates(found: Sequence[Account]) -> list[tuple[str, int, int]]:
    """What it is, how many rows, of how many that came in."""
    lines = []
    for stage, label, words in _DUPLICATES:
        same = [account for account in found if account.stage == stage]
        rows = sum(account.reasons.get(word, 0) for account in same for word in words)
        lines.append((label, rows, sum(account.rows_in for account in same)))
    return lines


def _diversity(pairs: pl.DataFrame) -> list[tuple[str, Diversity]]:
    """The measures of all questions, and of each form: fill-in questions share their frame."""
    forms = sorted(pairs["form"].unique())
    parts = [(form, pairs.filter(pl.col("form") == form)) for form in forms]
    named = [("all", pairs), *parts] if len(parts) > 1 else [("all", pairs)]
    return [(name, diversity(part["question"])) for name, part in named]


def _meaning(report: Report) -> Meaning | None:
    if report.embedded is None:
        return None
    drawn = question_map(report.embedded)
    by_id = report.pairs.select("pair_id", "question", "domain").rows_by_key("pair_id", unique=True)
    groups = [domain.label for domain in Domain]
    dots = []
    for pair_id, (x, y) in zip(drawn.pair_ids, drawn.places.tolist(), strict=True):
        question, domain = by_id[pair_id]
        dots.append(charts.Dot(x, y, groups.index(domain), f"{domain}: {question}"))
    axes = [
        f"{name} axis, {share:.1%} of the variance"
        for name, share in zip(("first", "second"), drawn.shares, strict=True)
    ]
    return Meaning(
        report.embedded.model,
        Markup(charts.scatter("Map of the questions by meaning", dots, groups, (axes[0], axes[1]))),
        len(dots),
        sum(drawn.shares),
        spread(report.embedded),
    )


def _recipes(found: pl.DataFrame) -> list[dict[str, Any]]:
    order = list(STAGES)
    rows = [{**row, "body": json.loads(row["body"])} for row in found.iter_rows(named=True)]
    return sorted(rows, key=lambda row: (order.index(row["stage"]), -row["rows"], row["recipe"]))


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.1%}" if whole else "–"
