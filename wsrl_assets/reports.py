"""What an asset tells Dagster of a materialization: counts, reasons, schema, tokens, checks."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import dagster as dg

from wsrl_assets.storage import Partition, Store, catalog
from wsrl_assets.storage.accounting import Account, CallTotals, accounts, call_totals
from wsrl_assets.storage.fingerprint import fingerprint
from wsrl_assets.storage.layout import Kind
from wsrl_assets.storage.pass_rates import BUCKETS, rate_histograms
from wsrl_assets.storage.schema import Row, columns_of

OWNERS = ["team:data-engine"]
ACCOUNTING = "row_accounting"


def accounting_spec(asset: str) -> dg.AssetCheckSpec:
    """The row-accounting check of an asset. It blocks: lost or doubled rows go no further."""
    return dg.AssetCheckSpec(
        ACCOUNTING,
        asset=asset,
        blocking=True,
        description="in = kept + rejected + failed + pending, counted in both tables.",
    )


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
    forms: Sequence[str] = (),
    pass_rates: bool = False,
    extra: Mapping[str, Any] | None = None,
) -> dg.MaterializeResult:
    """The result of one stage of one partition, with its accounting check.

    Args:
        store, partition, row_type: of the stage.
        run_id: whose calls are counted apart.
        forms, pass_rates: see `accounts`.
        extra: metadata of the stage's own.
    """
    stage = row_type.TABLE
    with catalog(store, _needed(store, partition, stage)) as connection:
        counted = accounts(connection, forms, pass_rates=pass_rates)
        found = [a for a in counted if a.stage == stage]
        calls = [c for c in call_totals(connection) if c.stage == stage]
        this_run = [c for c in call_totals(connection, run_id) if c.stage == stage]
    account = next((a for a in found if a.partition == partition.key), None)
    account = account or Account(stage, partition.key, 0, 0, 0, 0, 0)
    return dg.MaterializeResult(
        asset_key=stage,
        metadata={
            **count_metadata(account),
            **_call_metadata("run", this_run),
            **_call_metadata("total", calls),
            **(extra or {}),
            "dagster/column_schema": table_schema(row_type),
        },
        data_version=dg.DataVersion(fingerprint(store, partition, row_type)),
        check_results=[accounting_result(account)],
    )


def count_metadata(account: Account) -> dict[str, Any]:
    """Row counts and reasons as Dagster metadata."""
    reasons = "\n".join(f"| {word} | {rows} |" for word, rows in account.reasons.items())
    table = f"| reason | rows |\n| --- | --- |\n{reasons}" if reasons else "none"
    return {
        "dagster/row_count": account.kept + account.rejected + account.failed,
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
        cells = (h.policy, *map(str, h.pairs), f"{h.mean:.2f}", f"{h.truncated_share:.0%}")
        lines.append(f"| {' | '.join(cells)} |")
    return {
        "pass_rates": dg.MetadataValue.md("\n".join(lines)),
        "pairs_between_0_and_1": sum(h.between for h in found),
    }


def accounting_result(account: Account) -> dg.AssetCheckResult:
    """The accounting check's result for one account."""
    return dg.AssetCheckResult(
        passed=account.balanced,
        check_name=ACCOUNTING,
        asset_key=account.stage,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "rows_in": account.rows_in,
            "accounted": account.kept + account.rejected + account.failed + account.pending,
        },
    )


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
        f"{prefix}_cost": sum(t.cost for t in totals),
    }


def _needed(store: Store, partition: Partition, stage: str) -> Collection[Partition]:
    """The partitions whose rows an account is made of."""
    if stage == "filtered_documents":
        return [partition, *store.partitions(Kind.SHARD)]
    return [partition]
