"""`wsrl trial rewards`: several rewards on the same rollouts."""

import asyncio
import json
from collections.abc import Iterator
from random import Random
from typing import Annotated, Any
from uuid import uuid4

import typer
from rich.console import Group
from rich.table import Table

from wsrl_assets.cli.bars import Watched
from wsrl_assets.cli.common import named, open_home
from wsrl_assets.cli.options import HomeOption, JsonOption
from wsrl_assets.cli.score import opened
from wsrl_assets.cli.score_rows import Keys, Row, read_rows
from wsrl_assets.cli.terminal import console, errors
from wsrl_assets.pipeline.job import Job
from wsrl_assets.pipeline.rewards import Case, Cases, RewardName, stored_cases
from wsrl_assets.settings import load_roles
from wsrl_assets.sources.rows import SourceError
from wsrl_assets.text.normalisation import stable_hash
from wsrl_assets.trials.agreement import Agreement, RewardComparison
from wsrl_assets.trials.reward_page import said_figure, said_kappa
from wsrl_assets.trials.reward_trial import RewardTrial, chosen, run_reward_trial


def rewards(
    file: Annotated[
        str | None,
        typer.Argument(
            help="Rollouts as `wsrl score` reads them; - is standard input. Default: those that "
            "the home has kept for pass rates.",
            metavar="FILE",
        ),
    ] = None,
    reward: Annotated[
        list[RewardName] | None,
        typer.Option(
            parser=named(RewardName, "reward"),
            metavar="NAME",
            help=f"One of {', '.join(RewardName)}; can be given several times. Default: all that "
            "can be run.",
        ),
    ] = None,
    rollouts: Annotated[
        int, typer.Option(metavar="N", min=1, help="Rollouts to take, at most; drawn by WSRL_SEED.")
    ] = 1000,
    response_key: Annotated[str, typer.Option(help="Key of the response.")] = "response",
    gold_key: Annotated[str, typer.Option(help="Key of the gold.")] = "gold",
    question_key: Annotated[str, typer.Option(help="Key of the question.")] = "question",
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Scores the same rollouts by several rewards: where they agree, what they take.

    typed is the reward of releases, judged the same with WSRL_LLM_JUDGE_* where a rule may be
    overruled, math-verify that package alone, and reference a judge that sees the whole response
    and the gold answer. Where the gold is a rubric, judged hears its facts one at a time, reference
    sees its reference answer, and the others say nothing. Judges are paid: `judged` takes two calls
    a doubtful answer or a fact at most, `reference` one a rollout. Replies are kept in
    HOME/trials/rewards, so that no call is paid twice.

    Rows of a file have response and gold, and question where a judge is asked. They may have:
    truncated (true leaves it out), label (whether a person says that the response is right) and
    doc_id (rows of one document are one case of the intervals; else those of one question are).

    Exit codes: 0 done; 1 rollouts have no verdict because a call failed; 2 wrong use, or nothing
    could run.
    """
    settings, store = open_home(home)
    watched = Watched(None if as_json else errors)
    job = Job(store, settings, load_roles(), f"trial-{uuid4().hex[:8]}", watched)
    names = chosen(job, reward or [], _say)
    if file is None:
        cases = stored_cases(store, settings.seed, rollouts)
    else:
        keys = Keys(response_key, gold_key, question_key)
        is_asked = any(name.asks for name in names)
        cases = _read_cases(file, keys, is_asked, settings.seed, rollouts)
    with watched:
        found = asyncio.run(run_reward_trial(job, cases, names))
    if as_json:
        print(json.dumps(found.to_dict(), ensure_ascii=False))
    else:
        console.print(_shown(found.comparison))
        console.print(_summary(found), highlight=False, soft_wrap=True)
    _exit_for(found)


def _exit_for(found: RewardTrial) -> None:
    """Ends the command with code 1 if calls failed, and says of which reward."""
    for name, rows in found.failed.items():
        errors.print(
            f"{rows:,} rollouts have no verdict by {name}: the judge gave no usable reply",
            style="yellow",
        )
    if found.failed:
        raise typer.Exit(1)


def _say(text: str) -> None:
    errors.print(text, highlight=False, soft_wrap=True)


# --- rollouts of a file -------------------------------------------------------------------------


def _read_cases(file: str, keys: Keys, is_asked: bool, seed: int, most: int) -> Cases:
    """A sample of a file's rollouts, read in one pass; the same for the same seed.

    Raises:
        SourceError: a row that cannot be used; names the file, the line and the way out.
    """
    draws, whole, truncated = Random(seed), 0, 0
    drawn: list[Case] = []
    with opened(file) as (stream, name):
        for number, row in enumerate(read_rows(stream, name, keys, question_required=is_asked), 1):
            if row[0].get("truncated") is True:
                truncated += 1
                continue
            whole += 1
            place = len(drawn) if len(drawn) < most else draws.randrange(whole)
            if place < most:
                drawn[place : place + 1] = [_case(number, row, name)]
    if not drawn:
        raise SourceError(f'"{name}" has no rollout to score; {truncated:,} were cut off.')
    return Cases(drawn, truncated)


def _case(number: int, row: Row, name: str) -> Case:
    given, item = row
    label = given.get("label")
    if label not in (None, True, False):
        raise SourceError(
            f'"{name}", row {number}: "label" must be true, false or null, not {label!r:.60}.'
        )
    by_question = stable_hash(item.question) if item.question else f"row {number}"
    source = given.get("doc_id")
    return Case(
        case_id=f"row {number}",
        source=source if isinstance(source, str) else by_question,
        question=item.question,
        gold=item.gold,
        response=item.response,
        is_right=None if label is None else bool(label),
    )


# --- what is printed ----------------------------------------------------------------------------


def _shown(found: RewardComparison) -> Group:
    return Group(_verdicts(found), _costs(found), _pairs(found), _types(found))


def _verdicts(found: RewardComparison) -> Table:
    table = _table("What each reward says", "reward", "accepts", "rejects", "undecided")
    has_labels = found.rewards[0].precision is not None
    has_pairs = found.rewards[0].of_good_pairs is not None
    for head in [*["precision", "recall"] * has_labels, *["good pairs"] * has_pairs]:
        table.add_column(head, justify="right")
    for one in found.rewards:
        shares = [one.precision, one.recall] * has_labels + [one.of_good_pairs] * has_pairs
        counts = (f"{rows:,}" for rows in (one.accepted, one.rejected, one.undecided))
        table.add_row(one.name, *counts, *map(_percent, shares))
    return table


def _costs(found: RewardComparison) -> Table:
    heads = ("reward", "calls", "tokens", "cost", "processor s")
    table = _table("What it takes for 1,000 rollouts", *heads)
    for one in found.rewards:
        figures = (one.calls, one.tokens, one.cost, one.seconds)
        table.add_row(one.name, *map(said_figure, figures))
    return table


def _pairs(found: RewardComparison) -> Table:
    heads = ("first, second", "both", "first", "second", "neither", "agree", "kappa (95 %)")
    table = _table("Which of two accept, where both decide", *heads)
    for pair in found.pairs:
        table.add_row(*_pair_cells(pair))
    return table


def _pair_cells(pair: Agreement) -> Iterator[str]:
    yield f"{pair.first},\n{pair.second}"
    yield from (
        f"{rows:,}" for rows in (pair.both, pair.only_first, pair.only_second, pair.neither)
    )
    yield _percent(pair.agreement)
    yield said_kappa(pair.kappa).replace(" ", "\n", 1)


def _types(found: RewardComparison) -> Table:
    names = [one.name for one in found.rewards]
    table = _table("Accepted by answer type (? undecided)", "type", "rollouts", *names)
    for one in found.types:
        cells = [
            f"{accepted:,}" + (f" ({undecided:,} ?)" if undecided else "")
            for accepted, undecided in zip(one.accepted, one.undecided, strict=True)
        ]
        table.add_row(one.answer_type, f"{one.rollouts:,}", *cells)
    return table


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(first)
    for head in others:
        table.add_column(head, justify="right")
    return table


def _percent(estimate: Any) -> str:
    return "–" if estimate is None or estimate.value is None else f"{estimate.value:.1%}"


def _summary(found: RewardTrial) -> str:
    shown = found.comparison
    left_out = f"; {found.truncated:,} more cut off, left out" if found.truncated else ""
    cost = f", cost {found.paid_cost:,.4g}" if found.paid_cost else ""
    tokens = f"{found.paid_tokens:,} tokens paid to these judges so far{cost}"
    paid = f"; {tokens}" if found.paid_tokens else ""
    return (
        f"{shown.rollouts:,} rollouts on {shown.sources:,} source documents{left_out}{paid}.\n"
        f"Intervals, answer types and examples side by side: {found.page}"
    )
