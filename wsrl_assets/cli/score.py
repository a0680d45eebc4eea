"""`wsrl score`: the shipped reward over a file, or as a server."""

import asyncio
import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from wsrl_assets.cli.options import JsonOption
from wsrl_assets.cli.score_rows import (
    Keep,
    Keys,
    Row,
    Scored,
    ScoringItem,
    Summary,
    json_line,
    read_rows,
    score_by_rule,
    scored_row,
)
from wsrl_assets.cli.terminal import console, errors
from wsrl_assets.settings import SettingsError
from wsrl_assets.sources.streams import decompressed, open_bytes

_DRAW_EVERY_S = 0.2


def score_command(
    file: Annotated[
        str | None,
        typer.Argument(help="JSON lines, also .gz or .zst; - is standard input.", metavar="FILE"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Write the rows here, each with score, extracted and reason."),
    ] = None,
    as_json: JsonOption = False,
    response_key: Annotated[str, typer.Option(help="Key of the response.")] = "response",
    gold_key: Annotated[str, typer.Option(help="Key of the gold.")] = "gold",
    question_key: Annotated[str, typer.Option(help="Key of the question, for --judge.")] = (
        "question"
    ),
    judge: Annotated[
        bool,
        typer.Option(
            "--judge",
            help="Where a rule says no to a name, a list or an expression, ask WSRL_LLM_JUDGE_* "
            "twice whether it is another spelling. Explanations are scored by it alone.",
        ),
    ] = False,
    serve: Annotated[bool, typer.Option("--serve", help="Serve over HTTP instead.")] = False,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8080,
) -> None:
    """Scores responses against typed golds, with the reward that a trainer imports.

    A row has a response and a gold, an object or the JSON text that a release holds:
    {"response": "Answer: 5 km", "gold": {"type": "quantity", "value": "5", "unit": "km"}}.
    Prints the share that scores 1, and counts by type and reason. Rows are read one at a time.

    A gold may be a rubric, as pairs of the form rubric have it. Then the score is from 0 to 1, and
    takes --judge: without it the score is null, its reason needs_judge, and the exit code 1.

    As a server: POST /score with {"response", "gold"} or {"items": [...]}, GET /health. It listens
    on this machine alone unless told otherwise, and has no login. With --judge each item may have
    its "question", and who reaches the server spends calls of yours.

    Exit codes: 0 done; 1 some rows have no verdict; 2 a row cannot be scored.
    """
    if serve:
        _refuse_with_serve(file, output, as_json=as_json)
        _serve(host, port, errors, judge=judge)
        return
    if file is None:
        raise SettingsError("nothing to score: give a file, - for standard input, or --serve")
    summary = Summary()
    keys = Keys(response_key, gold_key, question_key)
    with _progress(errors, file) as advance, _written(output) as write:

        def keep(row: dict[str, Any], rollout: ScoringItem, scored: Scored) -> None:
            summary.add(rollout, scored)
            write(row, scored)
            advance(summary.rows)

        with opened(file) as (stream, name):
            rows = read_rows(stream, name, keys, question_required=judge)
            if judge:
                # A client of models takes seconds to import; the reward alone does without.
                from wsrl_assets.cli.score_judged import score_judged

                asyncio.run(score_judged(rows, keep))
            else:
                _score(rows, keep)
        if summary.rows == 0:
            raise SettingsError(f'"{name}" has no rows; there is nothing to score')
    if as_json:
        print(json.dumps(summary.to_json()))
    else:
        console.print(_shown(summary))
    if summary.undecided:
        for sentence in _why_undecided(summary):
            errors.print(sentence, style="yellow")
        raise typer.Exit(1)


def _why_undecided(summary: Summary) -> Iterator[str]:
    """What became of the rows without a verdict."""
    unheard = summary.unheard
    if unheard:
        yield (
            f"{unheard:,} rows have a rubric and no score: no rule can score an explanation. Use "
            "--judge, with WSRL_LLM_JUDGE_BASE_URL and WSRL_LLM_JUDGE_MODEL set"
        )
    if summary.undecided > unheard:
        yield (
            f"{summary.undecided - unheard:,} rows have no verdict: their gold is not of its type "
            "(invalid_gold; mend it with parse_gold), nobody can tell (undecided), the judge of an "
            "explanation gave none (judge_failed), or it is a fault of ours (internal_error)"
        )


def _score(rows: Iterator[Row], keep: Keep) -> None:
    for row, rollout in rows:
        keep(row, rollout, score_by_rule(rollout))


@contextlib.contextmanager
def opened(file: str) -> Iterator[tuple[io.BufferedReader, str]]:
    """The bytes of a file, or of standard input for -, decompressed, and what to call it."""
    if file == "-":
        yield sys.stdin.buffer, "standard input"  # type: ignore[misc]
        return
    with open_bytes(file) as raw:
        yield decompressed(raw), file


@contextlib.contextmanager
def _written(output: Path | None) -> Iterator[Callable[[dict[str, Any], Scored], None]]:
    """A place for scored rows, which appears whole or not at all."""
    if output is None:
        yield lambda row, scored: None
        return
    partial = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        stream = partial.open("wb")
    except OSError as error:
        raise SettingsError(
            f'cannot write "{output}" ({error.strerror}). Check the folder, or name another '
            "with --output."
        ) from None
    try:
        with stream:
            yield lambda row, scored: _write(stream, row, scored)
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)


def _write(stream: io.BufferedWriter, row: dict[str, Any], scored: Scored) -> None:
    stream.write(json_line(scored_row(row, scored)))


@contextlib.contextmanager
def _progress(errors: Console, file: str) -> Iterator[Callable[[int], None]]:
    """Rows so far, on a terminal only."""
    if not errors.is_terminal:
        yield lambda rows: None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:,} rows"),
    )
    with Progress(*columns, TimeElapsedColumn(), console=errors, transient=True) as progress:
        task = progress.add_task(f"scoring {Path(file).name}", total=None)
        yield _Ticker(progress, task)


class _Ticker:
    """Draws seldom: scoring a row takes less time than drawing it."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task, self._next = progress, task, 0.0

    def __call__(self, rows: int) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._progress.update(self._task, completed=rows)
            self._next = now + _DRAW_EVERY_S


def _shown(summary: Summary) -> Group:
    types = Table(header_style="bold")
    for name in ("type", "rows", "right", "share"):
        types.add_column(name, justify="left" if name == "type" else "right")
    for kind, count in sorted(summary.by_type.items()):
        right = summary.right_by_type[kind]
        types.add_row(str(kind), f"{count:,}", f"{right:,}", f"{right / count:.1%}")
    types.add_section()
    share = "" if summary.accuracy is None else f"{summary.accuracy:.1%}"
    types.add_row("all", f"{summary.rows - summary.unheard:,}", f"{summary.right:,}", share)
    reasons = Table(header_style="bold")
    reasons.add_column("reason")
    reasons.add_column("rows", justify="right")
    for reason, count in summary.by_reason.most_common():
        reasons.add_row(str(reason), f"{count:,}")
    return Group(types, reasons)


def _refuse_with_serve(file: str | None, output: Path | None, *, as_json: bool) -> None:
    given = {"FILE": file, "--output": output, "--json": as_json}
    wrong = [name for name, value in given.items() if value]
    if wrong:
        raise SettingsError(f"--serve takes requests, not {', '.join(wrong)}; leave one out")


def _serve(host: str, port: int, errors: Console, *, judge: bool) -> None:
    # The web server takes a third of a second to import.
    from wsrl_assets.cli.score_server import serve_scores

    open_judge = None
    if judge:
        from wsrl_assets.cli.score_judged import judging, require_judge

        require_judge()
        open_judge = judging
    with contextlib.suppress(KeyboardInterrupt):
        serve_scores(
            host,
            port,
            lambda text: errors.print(text, highlight=False, soft_wrap=True),
            open_judge,
        )
