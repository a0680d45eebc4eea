"""What an asset tells Dagster of a materialization: counts, cost, charts, samples, checks.

Texts of documents and models are untrusted. They are shown in tables, which print text, and in
fenced blocks, where markdown neither renders nor links.
"""

import re
import textwrap
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from wsrl_assets.orchestration.partitions import DEFINITIONS
from wsrl_assets.release import quality
from wsrl_assets.release.proof import failing_golds, failing_places
from wsrl_assets.release.quality import Finding
from wsrl_assets.reporting import charts
from wsrl_assets.storage import Partition, Store, catalog, figures
from wsrl_assets.storage.accounting import Account, CallTotals, call_totals
from wsrl_assets.storage.catalog import brief_catalog
from wsrl_assets.storage.figures import RunSpan
from wsrl_assets.storage.home_accounting import (
    home_accounts,
    home_calls,
    repeated_ids,
    total_rows,
    version_of_stage,
)
from wsrl_assets.storage.instances import Connection
from wsrl_assets.storage.pass_rates import BUCKETS, rate_histograms
from wsrl_assets.storage.schema import Row, columns_of
from wsrl_assets.storage.transaction import frame
from wsrl_assets.taxonomy.stages import STAGES, Stage, pair_stages_up_to
from wsrl_assets.taxonomy.wanted import Wanted
from wsrl_assets.text.highlight import printable, without_credentials
from wsrl_assets.text.markdown import cell
from wsrl_assets.text.normalisation import one_line, shortened

OWNERS = ["team:data-engine"]
ACCOUNTING = "row_accounting"
UNIQUE = "unique_ids"
READ_TO_END = "read_to_end"
REJECTION = "rejection_rate"
LEAKAGE = "split_leakage"
SELF_TEST = "gold_self_test"
BALANCE = "domain_balance"
CURRENT = "current_recipe"

_DESCRIPTIONS = {
    ACCOUNTING: "in = kept + rejected + failed + pending, counted in both tables.",
    UNIQUE: "No id stands in two rows.",
    READ_TO_END: "No fault ended the shard early.",
    REJECTION: "This run rejects about as large a share as the ten runs before it.",
    LEAKAGE: "No source document feeds two splits.",
    SELF_TEST: "The reward accepts each gold answer and no perturbation of it.",
    CURRENT: "All rows use the current prompts, model and settings.",
    BALANCE: f"No domain has more than {quality.MAX_DOMAIN_SHARE:.0%} of all pairs.",
}
# Worth a look, and no reason to stop.
_WARNINGS = frozenset({REJECTION, BALANCE, CURRENT, READ_TO_END})
_PICTURES = ("funnel", "answer_types", "answer_lengths")
_CELL_CHARS = 120
_ID_CHARS = 12  # enough for `wsrl trace`
_BLOCK_CHARS = 600
_BLOCK_WIDTH = 110


def stage_checks(asset: str, *others: str) -> list[dg.AssetCheckSpec]:
    """The checks of a stage: its accounting, its ids, its rejection rate, and `others` by name.

    Those that are not mere warnings block: lost or doubled rows go no further.
    """
    spec = STAGES[Stage(asset)]
    names = [ACCOUNTING, UNIQUE, *([REJECTION] if spec.watches_rejections else []), *others]
    with warnings.catch_warnings():
        # Of a partition, so that a warning in one domain stands when another domain passes.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [
            dg.AssetCheckSpec(
                name,
                asset=str(asset),
                blocking=name not in _WARNINGS,
                description=_DESCRIPTIONS[name],
                partitions_def=DEFINITIONS[spec.partitioned_by],
            )
            for name in names
        ]


def check_result(asset: str, name: str, finding: Finding) -> dg.AssetCheckResult:
    """A finding as Dagster shows it."""
    examples = {"examples": list(finding.examples)} if finding.examples else {}
    severity = dg.AssetCheckSeverity.WARN if name in _WARNINGS else dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckResult(
        passed=finding.passed,
        check_name=name,
        asset_key=str(asset),
        severity=severity,
        description=finding.says,
        metadata={**finding.figures, **examples},
    )


def pair_checks(asset: str, store: Store, pairs: pl.DataFrame) -> list[dg.AssetCheckResult]:
    """The checks of pairs that have a split: that none leaks, and that each gold can be scored.

    `pairs` has at least the columns `pair_id`, `parent_id`, `split`, `gold`.
    """
    failing = list(failing_golds(store, pairs))
    return [
        check_result(asset, LEAKAGE, quality.one_split_per_source(pairs)),
        check_result(asset, SELF_TEST, quality.golds_pass(pairs.height, failing)),
    ]


def place_checks(asset: str, store: Store, partition: Partition) -> list[dg.AssetCheckResult]:
    """The checks of `pair_checks`, of the pairs of a domain that have a place."""
    failing = failing_places(store, partition)
    with store.moment(partition) as connection:
        sources, leaking = frame(connection, "source_splits").row(0)
    places = next((a for a in home_accounts(store, only=partition) if a.stage == asset), None)
    return [
        check_result(asset, LEAKAGE, quality.no_leakage(sources, leaking)),
        check_result(asset, SELF_TEST, quality.golds_pass(places.kept if places else 0, failing)),
    ]


def recipe_result(stage: str, stale: int) -> dg.AssetCheckResult:
    """The check of recipes, given how many rows of a stage are of an older one."""
    says = "All rows use the current recipe."
    if stale:
        says = (
            f"{stale:,} rows use an older prompt, model or setting. They stay until they are "
            f"replaced: launch with `regenerate`, or run `wsrl run --regenerate {stage}`."
        )
    return check_result(stage, CURRENT, Finding(stale == 0, says, {"stale_rows": stale}))


def table_schema(row_type: type[Row]) -> dg.TableSchema:
    """The columns of a table, with their descriptions."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(spec.name, spec.duckdb_type, description=spec.description)
            for spec in columns_of(row_type)
        ]
    )


def schema_metadata(row_type: type[Row]) -> dict[str, Any]:
    """Metadata of an asset's definition: its columns, before anything was made."""
    return {"dagster/column_schema": table_schema(row_type)}


def stage_result(
    store: Store,
    partition: Partition,
    row_type: type[Row],
    *,
    run_id: str,
    wanted: Wanted | None = None,
    extra: Mapping[str, Any] | None = None,
    checks: Sequence[dg.AssetCheckResult] = (),
) -> dg.MaterializeResult:
    """The result of one stage of one partition, with its checks.

    Counts and totals are of the partition. Figures of a run are those of the last run that had
    something to do, so a run without work does not replace them with zeros.

    Args:
        store, partition, row_type: of the stage.
        run_id: the run that reports.
        wanted: see `accounts`.
        extra: metadata of the stage's own.
        checks: results of the stage's own checks.
    """
    stage = Stage(row_type.TABLE)
    in_partition = home_accounts(store, wanted or Wanted(), partition)
    calls = [totals for totals in home_calls(store, partition) if totals.stage == stage]
    rows = total_rows(store, partition, row_type)
    with brief_catalog(store, [partition]) as connection:
        worked = _last_run_with_work(connection, partition, row_type, run_id)
        run_calls = _calls_of(connection, stage, worked)
        span = figures.run_span(connection, partition, row_type, worked)
        shown = _shown(connection, partition, row_type, worked, in_partition)
        rates = figures.run_rates(connection, partition, row_type)
    results = _stage_check_results(stage, repeated_ids(store, partition, row_type), rates)
    version = version_of_stage(store, partition, row_type)
    account = next((a for a in in_partition if a.stage == stage), None)
    account = account or Account(stage, partition.key, 0, 0, 0, 0, 0)
    took = _call_metadata("run", run_calls)
    return dg.MaterializeResult(
        asset_key=stage.value,
        metadata={
            # The page keeps this order: pictures, counts, examples, and what it took.
            "summary": _summary(account, span, took, is_latest=worked == run_id),
            **{name: shown.pop(name) for name in _PICTURES if name in shown},
            "dagster/row_count": rows,
            "dagster/partition_row_count": account.kept + account.rejected + account.failed,
            **count_metadata(account),
            **(extra or {}),
            **shown,
            **_run_metadata(worked, span, run_calls),
            **took,
            **_call_metadata("total", calls),
            "dagster/column_schema": table_schema(row_type),
        },
        data_version=dg.DataVersion(version),
        check_results=[accounting_result(account), *results, *checks],
    )


def count_metadata(account: Account) -> dict[str, Any]:
    """Row counts and reasons as Dagster metadata."""
    reasons = "\n".join(f"| {cell(word)} | {rows} |" for word, rows in account.reasons.items())
    table = f"| reason | rows |\n| --- | --- |\n{reasons}" if reasons else "none"
    return {
        "rows_in": account.rows_in,
        "kept": account.kept,
        "rejected": account.rejected,
        "failed": account.failed,
        "pending": account.pending,
        "reasons": dg.MetadataValue.md(table),
    }


def pass_rate_metadata(store: Store, partition: Partition) -> dict[str, Any]:
    """The pass rates of a domain as a table, a line for each policy; nothing where it has none."""
    with catalog(store, [partition]) as connection:
        found = rate_histograms(connection)
    if not found:
        return {}
    lines = [
        f"| {' | '.join(('policy', *BUCKETS, 'mean', 'truncated'))} |",
        "| --- " * (len(BUCKETS) + 3) + "|",
    ]
    for h in found:
        cells = (cell(h.policy), *map(str, h.pairs), f"{h.mean:.2f}", f"{h.truncated_share:.0%}")
        lines.append(f"| {' | '.join(cells)} |")
    return {
        "pass_rates": dg.MetadataValue.md("\n".join(lines)),
        "pairs_between_0_and_1": sum(h.between for h in found),
    }


def accounting_result(account: Account) -> dg.AssetCheckResult:
    """The accounting check's result for one account."""
    accounted = account.kept + account.rejected + account.failed + account.pending
    says = f"{account.rows_in:,} rows in, {accounted:,} accounted for."
    counts = {"rows_in": account.rows_in, "accounted": accounted}
    return check_result(account.stage, ACCOUNTING, Finding(account.balanced, says, counts))


def _stage_check_results(
    stage: Stage, repeated: pl.DataFrame, rates: pl.DataFrame
) -> list[dg.AssetCheckResult]:
    results = [check_result(stage, UNIQUE, quality.unique_ids(repeated))]
    if STAGES[stage].watches_rejections:
        results.append(check_result(stage, REJECTION, quality.steady_rejection(rates)))
    return results


def _shown(
    connection: Connection,
    partition: Partition,
    row_type: type[Row],
    run_id: str,
    in_partition: Sequence[Account],
) -> dict[str, Any]:
    """What there is to look at: the funnel, sample rows, and the answers and stories of pairs."""
    stage = Stage(row_type.TABLE)
    metadata: dict[str, Any] = {}
    if any(account.rows_in for account in in_partition):
        metadata["funnel"] = _funnel_image(in_partition)
    sample = figures.sample_rows(connection, partition, row_type, run_id)
    if sample.height:
        metadata["sample_rows"] = _table(sample)
    if STAGES[stage].holds_pairs:
        metadata |= _pair_metadata(connection, partition, stage, run_id)  # its table, if it has one
    return metadata


def _pair_metadata(
    connection: Connection, partition: Partition, stage: Stage, run_id: str
) -> dict[str, Any]:
    past = pair_stages_up_to(stage)
    metadata: dict[str, Any] = {}
    with figures.newest_pairs(connection, partition):
        shapes = figures.answer_shapes(connection, partition, past)
        found = figures.sample_pairs(connection, partition, stage, past, run_id)
    metadata |= _answer_images(shapes)
    if STAGES[stage].shown_as_pairs and found.height:
        metadata["sample_rows"] = _table(_pair_rows(found))
    for name, left in (("traced_pairs", False), ("rejections", True)):
        stories = [story(row) for row in found.iter_rows(named=True) if row["left_here"] == left]
        if stories:
            metadata[name] = dg.MetadataValue.md("\n\n".join(stories))
    return metadata


def _pair_rows(found: pl.DataFrame) -> pl.DataFrame:
    """Pairs of `figures.sample_pairs` as a table that fits the page."""
    left = pl.col("left_here")
    return found.select(
        pl.when(left).then(pl.lit("rejected")).otherwise(pl.lit("kept")).alias("status"),
        pl.when(left).then("reason").alias("reason"),
        *("question", "answer", "split", "pair_id"),
    )


def _funnel_image(found: Sequence[Account]) -> dg.MarkdownMetadataValue:
    drawn = charts.funnel_stacks(found)
    return dg.MetadataValue.md(charts.image(drawn, charts.COLOURS, "rows by outcome"))


def _answer_images(shapes: pl.DataFrame) -> dict[str, Any]:
    """Answers by type and by length, as images; nothing where there are none."""
    if shapes.is_empty():
        return {}
    drawn = {"answer_types": charts.by_type(shapes), "answer_lengths": charts.by_length(shapes)}
    return {
        name: dg.MetadataValue.md(
            charts.image(
                [charts.Stack(label, {"pairs": int(pairs)}) for label, pairs in counts],
                {"pairs": charts.ACCENT},
                name.replace("_", " "),
            )
        )
        for name, counts in drawn.items()
    }


def release_metadata(found: Sequence[Account], pairs: pl.DataFrame) -> dict[str, Any]:
    """What a release shows: the funnel of everything, its answers, and some of its rows.

    `pairs` has the columns of a release.
    """
    shapes = pairs.select("answer_type", characters=pl.col("answer").str.len_chars(), pairs=1)
    names = ("domain", "split", "question", "answer", "answer_type", "pair_id")
    sample = pairs.select(names).sort(pl.col("pair_id").hash(0)).head(5)
    return {
        "funnel": _funnel_image(found),
        **_answer_images(shapes),
        **({"sample_rows": _table(sample)} if sample.height else {}),
    }


def story(pair: Mapping[str, Any]) -> str:
    """A pair as a fenced block of markdown, where nothing in it renders, links or ends the block.

    `pair`: a row of `figures.sample_pairs`.
    """
    verdicts = [
        f"{'ok' if verdict['passed'] else 'NO'} {verdict['check']}"
        + (f" ({verdict['reason']})" if verdict["reason"] else "")
        for verdict in pair["verdicts"] or []
    ]
    fields = {
        "question": pair["question"],
        "answer": f"{pair['answer']} ({pair['answer_type']})" if pair["answer"] else None,
        "evidence": pair["evidence"],
        "persona": pair["persona"],
        "reason": pair["reason"],
        "detail": without_credentials(pair["detail"] or ""),
        "verdicts": ", ".join(verdicts),
        "round trip": pair["round_trip_answer"],
        "split": pair["split"],
        "model": pair["model"],
        "document": pair["doc_id"],
        "trace": f"wsrl trace {pair['pair_id']}",
    }
    lines = [
        _wrapped(f"{name:<11}", _line(value, _BLOCK_CHARS))
        for name, value in fields.items()
        if value
    ]
    return fenced("\n".join(lines))


def _wrapped(label: str, text: str) -> str:
    """A line as wide as Dagster's dialog, which does not wrap, with what is over below it."""
    return textwrap.fill(
        text,
        _BLOCK_WIDTH,
        initial_indent=label,
        subsequent_indent=" " * len(label),
        break_on_hyphens=False,
    )


def fenced(text: str) -> str:
    """Text as a fenced block that it cannot end."""
    runs = [len(run) for run in re.findall("`+", text)]
    fence = "`" * max(3, 1 + max(runs, default=0))
    return f"{fence}text\n{text}\n{fence}"


def _table(rows: pl.DataFrame) -> dg.TableMetadataValue:
    """Rows as Dagster shows them, less the columns that are empty: the page is narrow."""
    rows = rows.select(name for name in rows.columns if rows[name].null_count() < rows.height)
    records = [
        dg.TableRecord({name: _cell(name, value) for name, value in row.items()})
        for row in rows.iter_rows(named=True)
    ]
    return dg.MetadataValue.table(
        records=records, schema=dg.TableSchema([dg.TableColumn(name) for name in rows.columns])
    )


def _cell(name: str, value: Any) -> str | int | float | bool:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, list):
        value = "; ".join(str(part) for part in value)
    text = "" if value is None else str(value)
    if name == "detail":
        text = without_credentials(text)
    if name == "reason":
        text = text.replace("_", " ")  # a cell breaks at blanks only
    return text[:_ID_CHARS] if name.endswith("_id") else _line(text, _CELL_CHARS)


def _line(text: str, most: int) -> str:
    return shortened(printable(one_line(text[: 4 * most])), most)


def _summary(
    account: Account, span: RunSpan, took: Mapping[str, Any], *, is_latest: bool
) -> dg.MarkdownMetadataValue:
    """Where the rows of the partition are, and what the last run with work did and spent.

    Short lines: the page of a partition does not wrap the cell, and cuts what is wider.

    Args:
        took: `_call_metadata` of that run.
        is_latest: whether it is the run that reports.
    """
    lines = [
        f"**{account.kept:,} of {account.rows_in:,} rows kept**",
        f"{account.rejected:,} rejected, {account.failed:,} failed, {account.pending:,} pending",
    ]
    if not (span.rows or took) or not is_latest:
        lines.append("This run: nothing to do")
    if span.rows or took:
        name = "This run" if is_latest else "Last run with work"
        lines.append(f"{name}: {span.rows:,} rows in {span.seconds:,.1f} s")
    if took:
        tokens, cost = took["run_prompt_tokens"] + took["run_completion_tokens"], took["run_cost"]
        unpriced = took["run_unpriced_calls"]
        lines += [
            f"{took['run_llm_calls']:,} calls, {tokens:,} tokens",
            f"{took['run_cached_share']:.0%} of prompt tokens cached"
            + (f", cost {cost:,.4f}" if cost else ""),
            *([f"without {unpriced:,} calls that had no price"] if cost and unpriced else []),
        ]
    return dg.MetadataValue.md("  \n".join(lines))


def _calls_of(connection: Connection, stage: Stage, run_id: str) -> list[CallTotals]:
    return [totals for totals in call_totals(connection, run_id) if totals.stage == stage]


def _last_run_with_work(
    connection: Connection, partition: Partition, row_type: type[Row], run_id: str
) -> str:
    """This run if it made a call or a row, else the one that wrote the newest row."""
    if _calls_of(connection, Stage(row_type.TABLE), run_id):
        return run_id
    newest_first = figures.run_rates(connection, partition, row_type)["run_id"].to_list()
    return run_id if run_id in newest_first or not newest_first else str(newest_first[0])


def _run_metadata(run_id: str, span: RunSpan, calls: Sequence[CallTotals]) -> dict[str, Any]:
    """Rows that a run wrote, from its first call or row to its last, and how fast."""
    if not span.rows:
        return {"run_rows": 0}
    metadata: dict[str, Any] = {
        "run": dg.MetadataValue.dagster_run(run_id),
        "run_rows": span.rows,
        "run_seconds": round(span.seconds, 1),
    }
    if span.seconds >= 1:
        tokens = sum(call.prompt_tokens + call.completion_tokens for call in calls)
        metadata["run_rows_per_second"] = round(span.rows / span.seconds, 2)
        if tokens:
            metadata["run_tokens_per_second"] = round(tokens / span.seconds, 1)
    return metadata


def _call_metadata(prefix: str, totals: Sequence[CallTotals]) -> dict[str, Any]:
    if not totals:
        return {}
    prompt = sum(t.prompt_tokens for t in totals)
    cached = sum(t.cached_tokens for t in totals)
    return {
        f"{prefix}_llm_calls": sum(t.calls for t in totals),
        f"{prefix}_prompt_tokens": prompt,
        f"{prefix}_cached_share": round(cached / prompt, 3) if prompt else 0.0,
        f"{prefix}_completion_tokens": sum(t.completion_tokens for t in totals),
        f"{prefix}_failed_calls": sum(t.failed for t in totals),
        f"{prefix}_cost": sum(t.cost for t in totals),
        f"{prefix}_unpriced_calls": sum(t.unpriced for t in totals),
    }
