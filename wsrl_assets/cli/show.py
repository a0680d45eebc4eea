"""What the commands print. Documents and model replies are untrusted: they print as plain text."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from wsrl_assets.storage.accounting import Account, CallTotals, Spending
from wsrl_assets.storage.basis import cross_hops, graded_facts, joined
from wsrl_assets.storage.intervals import wilson_interval
from wsrl_assets.storage.pass_rates import BUCKETS, RateHistogram
from wsrl_assets.taxonomy.stages import RECIPE_COLUMNS, STAGES
from wsrl_assets.text.highlight import printable

_COUNTS = ("in", "kept", "rejected", "failed", "pending")
_BAR_WIDTH = 6
_ANY_WIDTH = 1_000_000


def plain(value: object) -> Text:
    """Text that can neither style nor move the terminal."""
    return Text(printable("" if value is None else str(value)))


def say(console: Console, *parts: RenderableType) -> None:
    """Prints tables as wide as the terminal, or wider where a name or a figure would be cut."""
    for part in parts:
        if isinstance(part, Group):
            say(console, *part.renderables)
            continue
        if isinstance(part, Table):
            _keep_whole(part)
        needed = Measurement.get(console, _unbounded(console), part).minimum
        console.print(_Wide(part, max(console.width, needed)), crop=False)


def _keep_whole(table: Table) -> None:
    """Gives columns that do not wrap the width of their longest cell; Rich would cut them."""
    for column in table.columns:
        if column.no_wrap:
            cells = [str(column.header), *map(str, column.cells)]
            column.min_width = max(map(cell_len, cells))


@dataclass(frozen=True, slots=True)
class _Wide:
    """A part that may be wider than the console, which its `print` does not allow."""

    part: RenderableType
    width: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from console.render(self.part, options.update(width=self.width))


def _unbounded(console: Console) -> ConsoleOptions:
    """Options under which a measurement is of the content, and not of the terminal."""
    return console.options.update(max_width=_ANY_WIDTH)


def funnel(accounts: Sequence[Account], forms: Sequence[str] = ()) -> Group:
    """The funnel over all partitions: rows by stage, then the reasons of those that left it.

    `forms` are the question forms that are asked for now: only their drafts can be pending.
    """
    table = _table("Funnel", "stage", *_COUNTS)
    why = _table("Why rows were rejected or failed", "stage", "reason", "rows")
    for stage in STAGES:
        total = _sum([a for a in accounts if a.stage == stage], stage)
        if total is not None:
            table.add_row(stage, *_numbers(total))
            _add_reasons(why, total, stage)
    if forms:
        table.caption = f"pending under the settings now: forms {', '.join(forms)}"
        table.caption_justify = "left"
    return Group(table, why) if why.row_count else Group(table)


def by_partition(accounts: Sequence[Account]) -> Group:
    """Every stage and partition in a line of its own, then the reasons."""
    table = _table(None, "stage", "partition", *_COUNTS)
    why = _table("Why rows were rejected or failed", "stage", "partition", "reason", "rows")
    for account in accounts:
        if account.rows_in or account.pending:
            table.add_row(account.stage, plain(account.partition), *_numbers(account))
            _add_reasons(why, account, account.stage, account.partition)
    return Group(table, why) if why.row_count else Group(table)


def pass_rates(histograms: Sequence[RateHistogram]) -> Table:
    """How hard the pairs of each domain are for a policy: pairs by pass rate, with a bar each."""
    title = "Pass rates: pairs by the share of closed-book rollouts that pass"
    table = _table(title, "domain", "policy", *BUCKETS, "mean", "truncated")
    for h in histograms:
        table.add_row(
            plain(h.partition),
            plain(h.policy),
            *(f"{_bar(pairs, max(h.pairs))} {pairs:,}" if pairs else "0" for pairs in h.pairs),
            f"{h.mean:.2f}",
            f"{h.truncated_share:.0%}",
        )
    rated, between = sum(h.total for h in histograms), sum(h.between for h in histograms)
    table.caption = (
        f"{between:,} of {rated:,} pairs pass sometimes, not always: GRPO learns from those. Take "
        "no others with WSRL_PASS_RATE_ABOVE=0 WSRL_PASS_RATE_BELOW=1."
    )
    table.caption_justify = "left"
    return table


def calls(totals: Sequence[CallTotals], spent: Spending) -> Group:
    """The ledger by step, and tokens and cost per pair.

    Prices are settings, so the column of costs is there only where some are set. A step whose calls
    had none has no cost.
    """
    names = ["calls", "failed", "retried", "prompt", "cached", "output", "median s"]
    has_cost = spent.cost > 0
    table = _table("Model calls, in tokens", "step", *names, *(["cost"] if has_cost else []))
    for t in totals:
        table.add_row(
            t.step,
            f"{t.calls:,}",
            f"{t.failed:,}",
            f"{t.retries:,}",
            f"{t.prompt_tokens:,}",
            _share(t.cached_tokens, t.prompt_tokens),
            f"{t.completion_tokens:,}",
            f"{t.latency_ms_median / 1000:.1f}",
            *([f"{t.cost:.4f}" if t.cost else "-"] if has_cost else []),
        )
    prompt, cached = sum(t.prompt_tokens for t in totals), sum(t.cached_tokens for t in totals)
    return Group(table, Text(f"cached share {_share(cached, prompt)}"), *_per_pair(spent))


def _per_pair(spent: Spending) -> list[Text]:
    """What an accepted and a released pair took: a line for tokens, and one for cost if any."""
    kinds = {"accepted": spent.accepted, "released": spent.released}
    shares = [f"{spent.tokens / n:,.0f} per {kind} pair" for kind, n in kinds.items() if n]
    lines = [f"tokens: {', '.join(shares) or 'no pair accepted yet'}"]
    if spent.cost:
        costs = [f"{spent.cost / n:,.6f} per {kind} pair" for kind, n in kinds.items() if n]
        lines.append("cost: " + ", ".join([*costs, f"{spent.cost:,.4f} in all"]))
        if spent.unpriced:
            lines.append(
                f"without {spent.unpriced:,} calls that had no price: see WSRL_LLM_PROMPT_PRICE"
            )
    return [Text(line) for line in lines]


def status_json(
    accounts: Sequence[Account],
    totals: Sequence[CallTotals],
    rates: Sequence[RateHistogram] = (),
    stale: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """The status as the design fixes it, with `pass_rates` and `stale` where there are any.

    `stale` is the number of rows of older recipes, by stage.
    """
    status: dict[str, Any] = {
        "stages": [
            {
                "stage": a.stage,
                "partition": a.partition,
                "in": a.rows_in,
                "kept": a.kept,
                "rejected": a.rejected,
                "failed": a.failed,
                "pending": a.pending,
                "reasons": a.reasons,
            }
            for a in accounts
        ],
        "calls": {
            "total": sum(t.calls for t in totals),
            "failed": sum(t.failed for t in totals),
            "retries": sum(t.retries for t in totals),
            "prompt_tokens": sum(t.prompt_tokens for t in totals),
            "cached_tokens": sum(t.cached_tokens for t in totals),
            "completion_tokens": sum(t.completion_tokens for t in totals),
            "cost": sum(t.cost for t in totals),
            "unpriced": sum(t.unpriced for t in totals),
        },
    }
    if rates:
        status["pass_rates"] = [
            {
                "partition": h.partition,
                "policy": h.policy,
                "pairs": dict(zip(BUCKETS, h.pairs, strict=True)),
                "mean": h.mean,
                "rollouts": h.rollouts,
                "truncated": h.truncated,
            }
            for h in rates
        ]
    if stale:
        status["stale"] = dict(stale)
    return status


def trace(pair: Mapping[str, Any], recipes: Mapping[str, Any], ledger: Sequence[Any]) -> Group:
    """One pair, walked back to its document."""
    return Group(
        _question_panel(pair),
        _verdict_table(pair),
        _document_panel(pair),
        _recipe_table(pair, recipes),
        _ledger_table(ledger),
    )


def print_rows(console: Console, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A result of `wsrl sql`: a table if it fits the terminal, else one record under another."""
    table = Table(box=box.SIMPLE_HEAD, header_style="bold")
    for name in columns:
        table.add_column(plain(name), no_wrap=True)
    for row in rows:
        table.add_row(*(plain(value) for value in row))
    if Measurement.get(console, _unbounded(console), table).maximum <= console.width:
        console.print(table)
    else:
        _print_records(console, columns, rows)
    console.print(f"{len(rows):,} row{'' if len(rows) == 1 else 's'}", highlight=False)


def _print_records(console: Console, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    for number, row in enumerate(rows, 1):
        console.print(Rule(f"{number}", align="left", style="dim"))
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="bold", no_wrap=True)
        grid.add_column(overflow="fold")
        for name, value in zip(columns, row, strict=True):
            grid.add_row(plain(name), plain(value))
        console.print(grid)


def write_csv(file: TextIO, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A result of `wsrl sql` as CSV: NULL as an empty cell, lists and structs as JSON.

    On a terminal, control characters are replaced: texts of documents and models are untrusted.
    """
    is_terminal = file.isatty()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        cells = [_csv_cell(value) for value in row]
        writer.writerow([plain(cell).plain for cell in cells] if is_terminal else cells)


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value, default=str) if isinstance(value, list | dict) else str(value)


_TEXTS = ("stage", "step", "partition", "reason", "check", "domain", "policy")
_FOLDED = ("partition", "domain", "policy")


def _table(title: str | None, *columns: str) -> Table:
    """A table that fits 80 columns: names to the left, figures to the right, both unbroken."""
    table = Table(title=title, title_justify="left", header_style="bold", box=box.SIMPLE_HEAD)
    table.padding = (0, 1, 0, 0)
    for name in columns:
        table.add_column(
            name,
            justify="left" if name in _TEXTS else "right",
            no_wrap=name not in _FOLDED,
            overflow="fold",
        )
    return table


def _add_reasons(why: Table, account: Account, *names: str) -> None:
    """A line for each reason; the names stand on the first."""
    for number, (reason, rows) in enumerate(account.reasons.items()):
        shown = ["" for _ in names] if number else [plain(name) for name in names]
        why.add_row(*shown, plain(reason), f"{rows:,}")


def _sum(accounts: Sequence[Account], stage: str) -> Account | None:
    if not accounts:
        return None
    reasons: dict[str, int] = {}
    for account in accounts:
        for word, rows in account.reasons.items():
            reasons[word] = reasons.get(word, 0) + rows
    return Account(
        stage,
        "all",
        sum(a.rows_in for a in accounts),
        sum(a.kept for a in accounts),
        sum(a.rejected for a in accounts),
        sum(a.failed for a in accounts),
        sum(a.pending for a in accounts),
        dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
    )


def _numbers(account: Account) -> list[str]:
    numbers = (
        account.rows_in,
        account.kept,
        account.rejected,
        account.failed,
        account.pending,
    )
    return [f"{number:,}" for number in numbers]


def _bar(part: int, most: int) -> str:
    return "\u2588" * max(1, round(part / most * _BAR_WIDTH))


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "-"


def _question_panel(pair: Mapping[str, Any]) -> Panel:
    grid = _grid()
    fate = pair["pair_status"] or "not verified yet"
    reason = f" ({pair['pair_reason']})" if pair["pair_reason"] else ""
    split = pair["split"] or pair["split_reason"] or "not placed yet"
    if pair.get("superseded"):
        reason += "; replaced or withdrawn since"
    grid.add_row("question", plain(pair["question"]))
    grid.add_row("answer", plain(f"{pair['answer']}   ({pair['answer_type']})"))
    grid.add_row("gold", plain(pair["gold"]))
    rubric = graded_facts(pair["basis"])
    if rubric is not None:
        for one in rubric.must:
            grid.add_row("must say", plain(f"{one.fact}   (weight {one.weight})"))
        for one in rubric.must_not:
            grid.add_row("must not say", plain(one.fact))
    elif pair["basis"]:
        grid.add_row("basis", plain(pair["basis"]))
    grid.add_row("persona", plain(pair["persona"] or "none"))
    grid.add_row("form, domain", plain(f"{pair['form']}, {pair['domain']}"))
    grid.add_row("verdict", plain(f"{fate}{reason}"))
    if pair["rollouts"] is not None:
        grid.add_row("pass rate", plain(_pass_rate(pair)))
    grid.add_row("split", plain(split))
    left_out = f", left out ({pair['release_reason']})" if pair["release_reason"] else ""
    grid.add_row("release", plain(f"{pair['release']}{left_out}" if pair["release"] else "in none"))
    return Panel(grid, title=f"pair {pair['draft_id']}", title_align="left")


def _pass_rate(pair: Mapping[str, Any]) -> str:
    said = f"{pair['passed']} of {pair['rollouts']} rollouts of {pair['policy']}"
    if pair["rollouts"]:
        low, high = wilson_interval(pair["passed"], pair["rollouts"])
        said += f" (95 % interval {low:.2f} to {high:.2f})"
    missed = [
        f"{miss['reason']} {miss['rollouts']}"
        + (f" (such as {miss['example']!r})" if miss["example"] is not None else "")
        for miss in pair["misses"] or []
    ]
    return "; ".join([said, *missed])


def _verdict_table(pair: Mapping[str, Any]) -> Table:
    table = _table("Verdicts", "check", "verdict", "reason")
    table.columns[1].justify = "left"
    table.add_column("detail", overflow="fold")
    for verdict in pair["verdicts"] or []:
        passed = Text("passed", style="green") if verdict["passed"] else Text("no", style="red")
        table.add_row(verdict["check"], passed, plain(verdict["reason"]), plain(verdict["detail"]))
    return table


def _kin_source(pair: Mapping[str, Any]) -> str:
    if pair["kin_text"] is None:
        return "no longer in this domain"
    return f"{pair['kin_shard']}, row {pair['kin_source_row']}"


def _document_panel(pair: Mapping[str, Any]) -> Panel:
    two = cross_hops(pair["basis"])
    text = plain(joined(pair["text"], pair["kin_text"] or "") if two else pair["text"])
    if pair["evidence_start"] is not None:
        text.stylize("bold reverse", pair["evidence_start"], pair["evidence_end"])
    grid = _grid()
    grid.add_row("document", plain(f"{pair['doc_id']}  {pair['title'] or ''}"))
    grid.add_row("source", plain(f"{pair['shard']}, row {pair['source_row']}"))
    if two:
        text.stylize("bold reverse", *two.first)
        grid.add_row("and document", plain(f"{two.kin}  {pair['kin_title'] or ''}"))
        grid.add_row("source", plain(_kin_source(pair)))
        grid.add_row("bridge", plain(two.bridge))
    grid.add_row("file", plain(pair["shard_path"]))
    grid.add_row("triage", plain(pair["triage_explanation"]))
    grid.add_row("evidence", plain(pair["evidence"]))
    return Panel(Group(grid, Text(""), text), title="document", title_align="left")


def _recipe_table(pair: Mapping[str, Any], recipes: Mapping[str, Any]) -> Table:
    table = _table("Recipes", "stage", "recipe")
    table.columns[1].justify = "left"
    table.add_column("model, prompts and settings", overflow="fold")
    for key in RECIPE_COLUMNS.values():
        recipe = recipes.get(pair[key] or "")
        if recipe is None:
            continue
        body = dict(recipe["body"])
        prompts = [f"{name} v{p['version']}" for name, p in body.pop("prompts", {}).items()]
        parts = [str(body.pop("model", "rules")), *prompts]
        parts += [f"{name}={value}" for name, value in body.items()]
        table.add_row(recipe["stage"], pair[key], plain(", ".join(parts)))
    return table


def _ledger_table(ledger: Sequence[Any]) -> Table:
    names = ("attempts", "prompt", "cached", "output", "ms")
    table = _table("Calls, in tokens", "step", *names)
    table.add_column("ended", overflow="fold")
    for call in ledger:
        table.add_row(
            call["step"],
            str(call["attempts"]),
            f"{call['prompt_tokens']:,}",
            f"{call['cached_tokens']:,}",
            f"{call['completion_tokens']:,}",
            f"{call['latency_ms']:,.0f}",
            plain(call["error"] or call["finish_reason"]),
        )
    return table


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    return grid
