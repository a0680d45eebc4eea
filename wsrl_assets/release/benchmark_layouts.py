"""Where a row of a benchmark has its questions and its answer.

Layouts that are known: columns by name (`question`, `problem`, `user_query`), chats of role and
content or from and value (verl's `prompt`, `messages`, `conversations`), lists of turns, and all of
these below other columns, as structs, lists of structs (SQuAD's `qas`) or JSON in a string.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_QUESTIONS = "question questions problem prompt query instruction turns stem".split()
# A question where there is none of those, at any depth: beside one they hold passages and the like.
_PLACES = "inputs input text task goal ctx sentence".split()
_ANY_QUESTION = _QUESTIONS + _PLACES
_ANSWERS = (
    "correct answer|correct_answer|final_answer|answer|answers|targets|target|expected_answer|"
    "ground_truth|gold|best_answer|reference_answer|answerkey|answer_key|label|solution|output|"
    "response"
).split("|")
_OPTIONS = "options choices endings".split()
# Of a column that has none of the names above: `user_query`, `questionText`, `model_answer`.
_QUESTION_WORDS = frozenset("question query problem prompt instruction".split())
_ANSWER_WORDS = frozenset("answer answers gold truth target".split())
_NONE: frozenset[str] = frozenset()
_FILLERS = frozenset("text statement content body en str string".split())
# Of an answer that is a struct: SQuAD's, TriviaQA's, and a gold of ours.
_ANSWER_PARTS = "value text answer".split()
_ROLES = ("role", "from", "speaker")
_CONTENTS = ("content", "value", "text")
_ASKERS = frozenset("user human prompter".split())
_ANSWERERS = frozenset("assistant gpt model bot".split())
# GSM8K's mark before the final number.
_WORKED_ANSWER = re.compile(r"####\s*(.+?)\s*\Z", re.DOTALL)
_MAX_ANSWER_CHARS = 200


def questions_of(value: Any) -> tuple[str, ...]:
    """The questions in a row, or in a part of one; none if nothing of it is known to be one."""
    return _questions(value, _QUESTIONS, _QUESTION_WORDS) or _questions(value, _PLACES, _NONE)


def answer_of(value: Any) -> str | None:
    """The short answer of a row: a choice's text, and of a worked solution what is after `####`."""
    match _opened(value):
        case dict(row):
            return _answer_of_row(row)
        case list(parts) if _is_chat(parts):
            said = _said(parts, _ANSWERERS)
            return _short(said[-1]) if said else None
    return None


def short_answer(value: Any) -> str | None:
    """The value of an answer's column as a short answer, or None if it is none."""
    return _resolved(value, ())


def rows_of(value: Any) -> Iterator[Any]:
    """The rows in a file that is one JSON value: an array, columns, or rows below other names.

    What stands beside the rows (SQuAD's `title` and `context`) is a row without a question.
    """
    if isinstance(value, list) and not _is_chat(value):
        for part in value:
            yield from rows_of(part)
    elif isinstance(value, dict) and not _named(value, _ANY_QUESTION, _QUESTION_WORDS):
        tables = {n: v for n, v in value.items() if _is_table(v) and not _is_chat(v)}
        for table in tables.values():
            yield from rows_of(table)
        yield {name: part for name, part in value.items() if name not in tables}
    elif isinstance(value, dict) and len(columns := _columns(value)) > 1:
        for cells in zip(*columns.values(), strict=True):
            yield dict(zip(columns, cells, strict=True))
    else:
        yield value


def _columns(value: dict[str, Any]) -> dict[str, list[Any]]:
    """The columns of a table that is written column by column, as pandas does; else nothing."""
    columns = {n: list(v.values()) if isinstance(v, dict) else v for n, v in value.items()}
    lengths = {len(v) if isinstance(v, list) else 0 for v in columns.values()}
    return columns if len(lengths) == 1 and lengths != {0} else {}


def _questions(value: Any, names: Sequence[str], words: frozenset[str]) -> tuple[str, ...]:
    match _opened(value):
        case str(text):
            return (text,) if text.strip() else ()
        case list(parts) if _is_chat(parts):
            return tuple(_said(parts, _ASKERS))
        case list(parts):
            known = [part for part in parts if isinstance(part, str | dict)]
            return tuple(text for part in known for text in _questions(part, names, words))
        case dict(row):
            own = [row[name] for name in _named(row, names, words)]
            parts = [*own, *_below(row)]
            return next((found for part in parts if (found := _questions(part, names, words))), ())
    return ()


def _below(row: Mapping[str, Any]) -> list[Any]:
    """What of a row has rows or a chat in it: chats first, under any name."""
    nested = [_opened(part) for part in row.values()]
    chats = [part for part in nested if isinstance(part, list) and _is_chat(part)]
    return chats + [part for part in nested if isinstance(part, dict) or _is_table(part)]


def _answer_of_row(row: Mapping[str, Any]) -> str | None:
    options = _options(row)
    for name in _named(row, _ANSWERS, _ANSWER_WORDS):
        if (found := _resolved(row[name], options)) is not None:
            return found
    return next((found for part in _below(row) if (found := answer_of(part))), None)


def _named(row: Mapping[str, Any], names: Sequence[str], words: frozenset[str]) -> list[str]:
    """The columns with a known name, best first, then those whose name says it in other words."""
    by_name = {str(name).lower(): name for name in reversed(list(row))}
    known = [by_name[name] for name in names if name in by_name]
    return known + [name for name in row if name not in known and _says(str(name), words)]


def _says(name: str, words: frozenset[str]) -> bool:
    """Whether a name ends in one of some words, as `user_query` does and `question_id` does not."""
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()
    said = [word for word in re.findall(r"[a-z]+", spaced) if word not in _FILLERS]
    return bool(said) and said[-1] in words


def _opened(value: Any) -> Any:
    """A value, out of the JSON that it may be written as; an object or array only."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            return value
        of_structs = isinstance(found, dict) or _is_table(found)
        return found if of_structs else value
    return list(value) if isinstance(value, tuple) else value


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def _is_chat(parts: list[Any]) -> bool:
    return _is_table(parts) and all(
        _first(part, _ROLES) is not None and _first(part, _CONTENTS) is not None for part in parts
    )


def _said(chat: list[dict[str, Any]], who: frozenset[str]) -> list[str]:
    """What somebody says in a chat; of one whose roles are not known, its first message."""
    roles = [str(_first(part, _ROLES)).lower() for part in chat]
    texts = [_message_text(_first(part, _CONTENTS)) for part in chat]
    if not _ASKERS & set(roles):
        return texts[:1] if who is _ASKERS else []
    return [text for role, text in zip(roles, texts, strict=True) if role in who and text.strip()]


def _message_text(content: Any) -> str:
    if isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, dict))
        return "\n".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _first(part: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((part[name] for name in names if part.get(name) is not None), None)


def _options(row: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The letter and text of each option; letters are A, B, C where a row does not give any."""
    lowered = {str(name).lower(): part for name, part in row.items()}
    value: Any = next((_opened(lowered[name]) for name in _OPTIONS if lowered.get(name)), None)
    if value is None and isinstance(lowered.get("question"), dict):  # ARC's first layout
        return _options(lowered["question"])
    if isinstance(value, list) and _is_table(value):
        value = {"text": [v.get("text") for v in value], "label": [v.get("label") for v in value]}
    if isinstance(value, dict) and isinstance(value.get("text"), list):
        labels = value.get("label") or ()
        letters = [str(label) for label in labels if label is not None]
        return tuple(zip(letters or _letters(value["text"]), map(str, value["text"]), strict=False))
    if isinstance(value, dict):
        return tuple((str(letter), str(text)) for letter, text in value.items())
    if isinstance(value, list):
        return tuple(zip(_letters(value), map(str, value), strict=True))
    return ()


def _letters(options: Sequence[Any]) -> Iterator[str]:
    return (chr(ord("A") + index) for index in range(len(options)))


def _resolved(value: Any, options: Sequence[tuple[str, str]]) -> str | None:
    value = _opened(value)
    if isinstance(value, list):
        value = value[0] if len(value) == 1 else None
    if isinstance(value, dict):
        found = _first(value, _ANSWER_PARTS)
        return None if found is None else _resolved(found, options)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return _short(_chosen(value, options))


def _chosen(value: Any, options: Sequence[tuple[str, str]]) -> Any:
    """The text of an option that is given by its letter or its number."""
    by_letter = dict(options)
    if isinstance(value, str) and value.upper() in by_letter:
        return by_letter[value.upper()]
    index = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
    if isinstance(index, int) and 0 <= index < len(options):
        return options[index][1]
    return value


def _short(value: Any) -> str | None:
    worked = _WORKED_ANSWER.search(str(value))
    answer = worked[1] if worked else str(value)
    return answer if answer.strip() and len(answer) <= _MAX_ANSWER_CHARS else None
