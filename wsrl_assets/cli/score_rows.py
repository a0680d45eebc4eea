"""Scoring as a stream: rows with a response and a gold in, scores and their counts out."""

import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from wsrl_assets.reward import Gold, Reason, Rubric, RubricScore, Score, is_rubric, score
from wsrl_assets.reward.rubric import TYPE as RUBRIC
from wsrl_assets.reward.rubric import read_rubric
from wsrl_assets.sources.rows import SourceError
from wsrl_assets.sources.streams import BROKEN_STREAM, Line, lines
from wsrl_assets.text.normalisation import one_line

MAX_LINE_BYTES = 16 << 20
_UTF8_BOM = b"\xef\xbb\xbf"


class RowError(ValueError):
    """A row that cannot be scored; says which key is wrong, and how it should be."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Names of the keys of a row."""

    response: str = "response"
    gold: str = "gold"
    question: str = "question"


@dataclass(frozen=True, slots=True)
class ScoringItem:
    """A row that can be scored; `question` is only for a judge, and a rubric has its own."""

    response: str
    gold: Gold | Rubric
    question: str

    @property
    def type(self) -> str:
        """The answer type, or `rubric`."""
        return RUBRIC if isinstance(self.gold, Rubric) else str(self.gold.type)


Row = tuple[dict[str, Any], ScoringItem]
Scored = Score | RubricScore
Keep = Callable[[dict[str, Any], ScoringItem, Scored], None]


def score_by_rule(item: ScoringItem) -> Scored:
    """The score without a judge; a rubric has none then, and its reason says so."""
    if isinstance(item.gold, Rubric):
        return RubricScore(0.0, None, Reason.NEEDS_JUDGE)
    return score(item.response, item.gold)


def is_right(scored: Scored) -> bool:
    """Whether a response is right, or an explanation passes."""
    return scored.passed if isinstance(scored, RubricScore) else scored.value == 1


@dataclass(slots=True)
class Summary:
    """Counts over all rows; memory does not grow with their number."""

    rows: int = 0
    right: int = 0
    by_type: Counter[str] = field(default_factory=Counter)
    right_by_type: Counter[str] = field(default_factory=Counter)
    by_reason: Counter[Reason] = field(default_factory=Counter)
    undecided: int = 0
    """Rows whose score says nothing of the response; see `Score.decided`."""

    def add(self, item: ScoringItem, scored: Scored) -> None:
        self.rows += 1
        self.by_reason[scored.reason] += 1
        self.undecided += not scored.decided
        if scored.reason is Reason.NEEDS_JUDGE:
            return
        self.right += is_right(scored)
        self.by_type[item.type] += 1
        self.right_by_type[item.type] += is_right(scored)

    @property
    def unheard(self) -> int:
        """Rows that nobody scored, since their rubric takes a judge; in no share."""
        return self.by_reason[Reason.NEEDS_JUDGE]

    @property
    def accuracy(self) -> float | None:
        """Share of rows that are right; none without rows that were scored."""
        scored = self.rows - self.unheard
        return self.right / scored if scored else None

    def to_json(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "right": self.right,
            "accuracy": self.accuracy,
            "undecided": self.undecided,
            "types": {
                str(name): {"rows": count, "right": self.right_by_type[name]}
                for name, count in sorted(self.by_type.items())
            },
            "reasons": {str(reason): count for reason, count in self.by_reason.most_common()},
        }


def read_row(data: bytes, keys: Keys, *, question_required: bool = False) -> dict[str, Any]:
    """One line as an object that has what is needed.

    Raises:
        RowError: it is not.
    """
    try:
        row = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RowError(f"not JSON ({_short(error)}). Write one JSON object a line.") from None
    if not isinstance(row, dict):
        raise RowError(f"a JSON {type(row).__name__}, not an object. Write one object a line.")
    wanted = {keys.response: "--response-key", keys.gold: "--gold-key"}
    if question_required and not is_rubric(row.get(keys.gold)):
        wanted[keys.question] = "--question-key"
    for key, option in wanted.items():
        if key not in row:
            raise RowError(
                f'no key "{key}" among {_listed(row)}. Rename it, or name yours with {option}.'
            )
    return row


def read_rollout(row: Mapping[str, Any], keys: Keys) -> ScoringItem:
    """What is scored of a row. The gold, or rubric, is an object or the JSON text of one.

    Raises:
        RowError: a key has the wrong kind of value, or the gold is none.
    """
    response, question = row.get(keys.response), row.get(keys.question)
    if not isinstance(response, str):
        raise RowError(f'"{keys.response}" must be text, not {_kind(response)}.')
    gold = read_gold(row.get(keys.gold), keys.gold)
    return ScoringItem(response, gold, question if isinstance(question, str) else "")


def read_gold(value: object, key: str) -> Gold | Rubric:
    """A gold or rubric from an object, or from the JSON text of one as a release holds it.

    Raises:
        RowError: it is none.
    """
    try:
        if is_rubric(value):
            return read_rubric(value)
        return Gold.from_json(value) if isinstance(value, str) else Gold.from_object(value)
    except ValueError as error:
        raise RowError(f'"{key}" is no gold: {_short(error)}.') from None


def scored_row(row: Mapping[str, Any], scored: Scored) -> dict[str, Any]:
    """The row with its score; keys of these names that it had before are replaced."""
    return {**row, **shown_score(scored)}


def shown_score(scored: Scored) -> dict[str, Any]:
    """A score as JSON. Of an explanation that no judge heard it is null, and no 0."""
    shown = {"extracted": scored.extracted, "reason": str(scored.reason)}
    if isinstance(scored, Score):
        return {"score": scored.value, **shown}
    if not scored.decided:
        return {"score": None, **shown}
    said = {"said": list(scored.said), "mistakes": list(scored.mistakes)}
    return {"score": scored.value, **shown, "passed": scored.passed, **said}


def json_line(row: object) -> bytes:
    """One line of JSON in UTF-8; escaped where a text is no Unicode (a lone surrogate)."""
    try:
        return json.dumps(row, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(row).encode() + b"\n"


def read_rows(
    stream: io.BufferedReader, name: str, keys: Keys, *, question_required: bool = False
) -> Iterator[tuple[dict[str, Any], ScoringItem]]:
    """The rows of a stream of JSON lines, one at a time; blank lines are skipped.

    Raises:
        SourceError: a row that cannot be scored; names the file, the line and the way out.
    """
    try:
        for line in lines(stream, MAX_LINE_BYTES):
            if line.data is None or line.data.strip():
                yield _read_line(line, name, keys, question_required=question_required)
    except BROKEN_STREAM as error:
        raise SourceError(
            f'"{name}": its compressed stream is broken ({_short(error)}). Write it again.'
        ) from None


def _read_line(
    line: Line, name: str, keys: Keys, *, question_required: bool
) -> tuple[dict[str, Any], ScoringItem]:
    try:
        if line.data is None:
            raise RowError(
                f"{line.size_bytes:,} bytes long, and a line may have {MAX_LINE_BYTES:,}. "
                "Shorten the response: only its end is read."
            )
        data = line.data.removeprefix(_UTF8_BOM) if line.number == 1 else line.data
        row = read_row(data, keys, question_required=question_required)
        return row, read_rollout(row, keys)
    except RowError as error:
        raise SourceError(f'"{name}", line {line.number}: {error}') from None


def _kind(value: object) -> str:
    return "missing" if value is None else f"a JSON {type(value).__name__}"


def _listed(row: Mapping[str, Any]) -> str:
    names = [json.dumps(key[:40], ensure_ascii=False) for key in list(row)[:8]]
    return ", ".join(names) if names else "none"


def _short(error: Exception) -> str:
    text = one_line(str(error))
    return text if len(text) <= 200 else text[:197] + "..."
