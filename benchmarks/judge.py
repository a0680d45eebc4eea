"""How well a model judges, in words and by probability: `python -m benchmarks.judge`.

The pairs are 40 good and 40 bad ones on public-domain country facts, each bad one with one fault
and often the twin of a good one, written by somebody who had seen neither prompts nor rules; or
those of a JSON-lines file (`--pairs`) with `passes`, `kind`, `half`, `question`, `answer`,
`evidence` and `passage`. Questions of the judge by probability were chosen on the half `seen`; the
half `held_back` is what is asked for if nothing else is said.

Of each way the table says how many good pairs pass, how many bad ones are refused, by kind, and
the tokens. No rules run before, so it is the judge alone. By probability, the thresholds are found
first, as in a run, from the demonstrations; those tokens stand in a line of their own.

    python -m benchmarks.judge --endpoint http://127.0.0.1:8000/v1
    python -m benchmarks.judge --endpoint URL,MODEL --by probability --pairs mine.jsonl --half all

A key is read from WSRL_LLM_API_KEY.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.engine_report import heading, note, table
from benchmarks.prompts import endpoint_of
from wsrl_assets.generation.library import load_library
from wsrl_assets.llm.engine import Engine
from wsrl_assets.llm.errors import RowError
from wsrl_assets.llm.recipes import Provenance, rule_recipe
from wsrl_assets.llm.roles import Role, RoleSettings
from wsrl_assets.llm.stage_model import StageModel
from wsrl_assets.pipeline.judging import known_pairs
from wsrl_assets.storage.tables import LLMCall, Verdict
from wsrl_assets.taxonomy.judging import JudgedBy
from wsrl_assets.verification import verify
from wsrl_assets.verification.judge import Case, JudgePolicy, judge
from wsrl_assets.verification.probability import (
    CRITERIA,
    Answers,
    QuotedPair,
    answers_on,
    judge_by_probability,
    thresholds_of,
)
from wsrl_assets_tests.verification.cases import JUDGED_FILE, JudgedPair, read_judged

# A server that queues what it gets would let the last of some hundred calls wait for too long.
_AT_ONCE = 8

Judging = Callable[[JudgedPair], Awaitable[Sequence[Verdict]]]


@dataclass(frozen=True, slots=True)
class Found:
    """What a way of judging made of the pairs.

    Attributes:
        kept: whether each pair passed; none where the call failed.
        tokens: prompt and completion tokens of judging them.
        before: the same of what came first.
    """

    kept: Sequence[bool | None]
    tokens: int
    before: int


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--endpoint", required=True, help="URL, or URL,MODEL")
    parser.add_argument("--by", nargs="+", type=JudgedBy, default=list(JudgedBy))
    parser.add_argument("--pairs", type=Path, default=JUDGED_FILE)
    parser.add_argument("--half", default="held_back", choices=("seen", "held_back", "all"))
    parser.add_argument("--most", type=int, help="only so many pairs, evenly good and bad")
    given = parser.parse_args(arguments)
    pairs = _chosen(read_judged(given.pairs), given.half, given.most)
    good = sum(pair.passes for pair in pairs)
    heading(f"The judge alone, {good} good and {len(pairs) - good} bad pairs")
    rows, lines = [], []
    for by in given.by:
        found = asyncio.run(_measured(pairs, by, endpoint_of(given.endpoint)))
        rows.append(_row(by, pairs, found))
        lines.append(_by_kind(by, pairs, found))
        lines += [f"{by}: thresholds took {found.before:,} tokens"] if found.before else []
    table(["judged", "good kept", "bad refused", "failed", "tokens a pair"], rows)
    for line in lines:
        note(line)


def _chosen(pairs: Sequence[JudgedPair], half: str, most: int | None) -> list[JudgedPair]:
    own = [pair for pair in pairs if half in ("all", pair.half)]
    if most is None:
        return own
    good = [pair for pair in own if pair.passes][: most // 2]
    return good + [pair for pair in own if not pair.passes][: most - len(good)]


async def _measured(pairs: Sequence[JudgedPair], by: JudgedBy, role: RoleSettings) -> Found:
    calls: list[LLMCall] = []
    async with _judge(role, calls) as model:
        judging = await _judging(by, model)
        before = _tokens(calls)
        kept = await asyncio.gather(*(_kept(judging, pair) for pair in pairs))
    return Found(kept, _tokens(calls) - before, before)


@asynccontextmanager
async def _judge(role: RoleSettings, calls: list[LLMCall]) -> AsyncIterator[StageModel]:
    with TemporaryDirectory() as folder:
        engine = Engine(
            {Role.JUDGE: role},
            record=calls.append,
            run_id="benchmark",
            limiter_folder=Path(folder),
            max_in_flight=_AT_ONCE,
        )
        async with engine:
            yield StageModel(engine, Provenance(rule_recipe(verify.STAGE, "1"), "benchmark"))


async def _judging(by: JudgedBy, model: StageModel) -> Judging:
    if by is JudgedBy.WORDS:
        return lambda pair: judge(
            Case(pair.key, pair.question, pair.answer, pair.passage), JudgePolicy(), model
        )
    known = known_pairs(list(load_library().values()))
    answers: Answers = {criterion: {} for criterion in CRITERIA}
    await answers_on(known, answers, model, lambda: None)
    thresholds = thresholds_of(known, answers)
    return lambda pair: judge_by_probability(
        QuotedPair(pair.key, pair.question, pair.answer, pair.evidence), thresholds, model
    )


async def _kept(judging: Judging, pair: JudgedPair) -> bool | None:
    try:
        return all(verdict.passed for verdict in await judging(pair))
    except RowError:
        return None


def _tokens(calls: Sequence[LLMCall]) -> int:
    return sum(call.prompt_tokens + call.completion_tokens for call in calls)


def _row(by: JudgedBy, pairs: Sequence[JudgedPair], found: Found) -> list[str]:
    judged = list(zip(pairs, found.kept, strict=True))
    good = [kept for pair, kept in judged if pair.passes]
    bad = [kept for pair, kept in judged if not pair.passes]
    return [
        by,
        f"{good.count(True)} of {len(good)}",
        f"{bad.count(False)} of {len(bad)}",
        str(found.kept.count(None)),
        f"{found.tokens / len(pairs):,.0f}",
    ]


def _by_kind(by: JudgedBy, pairs: Sequence[JudgedPair], found: Found) -> str:
    kinds = sorted({pair.kind for pair in pairs if not pair.passes})
    of = {
        kind: [kept for pair, kept in zip(pairs, found.kept, strict=True) if pair.kind == kind]
        for kind in kinds
    }
    counts = (f"{kind} {kept.count(False)} of {len(kept)}" for kind, kept in of.items())
    return f"{by}, refused: {', '.join(counts)}"


if __name__ == "__main__":
    main()
