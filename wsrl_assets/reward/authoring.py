"""From an answer that a model or a person wrote to a gold of a certain type."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from . import lists, numbers
from .dates import read_date
from .gold import AnswerType, Gold
from .kind import not_of_type
from .money import read_amount
from .percents import compile_rule as compile_percent
from .quantities import read_quantity
from .rules import kind_of, require_rule
from .text import has_control, plain, unwrap
from .times import read_time
from .yes_no import read_yes_no

_YEAR = re.compile(r"(?:1[5-9]|20)\d\d", re.ASCII)
_COUNT = re.compile(r"[-+]?(?:0|[1-9]\d*|[1-9]\d{0,2}(?:,\d{3})+)", re.ASCII)
_CALL = re.compile(r"[A-Za-z_][\w.:]*\([^)]*\);?", re.ASCII)
_CODE_MARKS = ("==", "!=", "+=", "->", "=>", "::", "&&", "||", "();", "```")
_MATH_MARKS = ("\\frac", "\\sqrt", "\\pi", "\\cdot", "^", "\u221a", "\u03c0")
_EQUATION = re.compile(r"[A-Za-z](?:\([a-z]\))? ?= ?\S.*")
_LIST_MIN_ITEMS = 3
_TYPES = frozenset(AnswerType)


def infer_type(answer: str) -> AnswerType:
    """The likeliest type of an answer, from its form alone; anything without a form is an entity.

    Odd cases: a bare 1500 to 2099 is a date (a year), other whole numbers are integers; `10:30` is
    a time; `12 apples` is a quantity whose unit is apples; two items with a comma are an entity
    (`Paris, Texas`), three a list; `007` is an entity, since its zeros are part of it. Never
    raises; an empty answer is an entity too, and `parse_gold` refuses it.
    """
    text = plain(answer)
    for answer_type, is_form in _FORMS:
        if is_form(text, answer):
            return answer_type
    return AnswerType.ENTITY


def _is_yes_no(text: str, answer: str) -> bool:
    return len(text) > 1 and read_yes_no(text) is not None


def _is_code(text: str, answer: str) -> bool:
    bare = answer.strip()
    if len(bare) > 2 and bare[0] == bare[-1] == "`":
        return True
    return any(mark in bare for mark in _CODE_MARKS) or _CALL.fullmatch(bare) is not None


def _is_percent(text: str, answer: str) -> bool:
    found = numbers.split_number(text)
    return bool(found and found[1]) and _compiles(Gold(AnswerType.PERCENT, text))


def _compiles(gold: Gold) -> bool:
    try:
        compile_percent(gold)
    except ValueError:
        return False
    return True


def _is_money(text: str, answer: str) -> bool:
    found = read_amount(text)
    return found is not None and bool(found.currencies)


def _is_time(text: str, answer: str) -> bool:
    return (":" in text or text[-1:] in "mM.n") and read_time(text) is not None


def _is_date(text: str, answer: str) -> bool:
    return (not text.isdigit() or _YEAR.fullmatch(text) is not None) and bool(read_date(text))


def _is_integer(text: str, answer: str) -> bool:
    if text[:1].isdigit() or text[:1] in ("-", "+"):
        return _COUNT.fullmatch(text) is not None
    number = numbers.read_number(text)
    return number is not None and number.step is None and numbers.is_whole(number.value)


def _is_decimal(text: str, answer: str) -> bool:
    is_code_number = text.isdigit() and text.startswith("0")
    is_typeset = "\\frac" in answer
    return not (is_code_number or is_typeset) and numbers.read_number(text) is not None


def _is_expression(text: str, answer: str) -> bool:
    has_mark = any(mark in answer for mark in _MATH_MARKS)
    return has_mark or _EQUATION.fullmatch(unwrap(answer)) is not None


def _is_quantity(text: str, answer: str) -> bool:
    found = numbers.split_number(text)
    if found is None or len(found[1].split()) > 3:
        return False
    return read_quantity(text) is not None


def _is_list(text: str, answer: str) -> bool:
    try:
        items = lists.read_items(answer)
    except ValueError:
        return False
    return len(items) >= _LIST_MIN_ITEMS or answer.strip().startswith("[")


_FORMS: tuple[tuple[AnswerType, Callable[[str, str], bool]], ...] = (
    (AnswerType.YES_NO, _is_yes_no),
    (AnswerType.PERCENT, _is_percent),
    (AnswerType.MONEY, _is_money),
    (AnswerType.TIME, _is_time),
    (AnswerType.DATE, _is_date),
    (AnswerType.INTEGER, _is_integer),
    (AnswerType.DECIMAL, _is_decimal),
    (AnswerType.QUANTITY, _is_quantity),
    (AnswerType.LIST, _is_list),
    (AnswerType.CODE, _is_code),
    (AnswerType.EXPRESSION, _is_expression),
)


def parse_gold(
    answer: str,
    answer_type: AnswerType | str,
    unit: str | None = None,
    aliases: Sequence[str] = (),
    choices: Sequence[str] = (),
    *,
    tolerance: float | None = None,
    ordered: bool = False,
) -> Gold:
    """A gold in its canonical form: integers without commas, ISO dates, a quantity's unit apart.

    Raises ValueError, saying what is wrong and often what to do, when the answer or an alias is
    not of the type: `12.5` is no integer, `50` no percent without its sign or `unit="%"`, `5` no
    quantity without a unit, `03/04/1969` no date that one can know, a choice needs its options.
    """
    draft = Gold(
        type=AnswerType(answer_type) if answer_type in _TYPES else _no_type(answer_type),
        value=answer.strip(),
        unit=unit.strip() if unit and unit.strip() else None,
        tolerance=tolerance,
        aliases=tuple(alias.strip() for alias in aliases if alias.strip()),
        choices=tuple(choices),
        ordered=ordered,
    )
    article = "an answer"
    if not draft.value:
        raise not_of_type(answer, article, "it is empty")
    if has_control(draft.value):
        raise not_of_type(answer, article, "it holds control characters")
    gold = kind_of(draft).canonical(draft)
    require_rule(gold)
    return gold


def may_be(answer: str, answer_type: AnswerType) -> bool:
    """Whether `parse_gold` may take an answer without a unit for one of a type.

    It refuses all of which this is false, and takes many times as long to say why. Only figures are
    told so: of other types this is true. Never raises but for what is not installed.
    """
    reads = _FIGURES.get(answer_type)
    return reads is None or reads(plain(answer.strip()))


def _reads_number(text: str) -> bool:
    return numbers.read_number(text) is not None


def _reads_with_rest(text: str) -> bool:
    found = numbers.split_number(text)
    return found is not None and bool(found[1])


_FIGURES: dict[AnswerType, Callable[[str], bool]] = {
    AnswerType.INTEGER: _reads_number,
    AnswerType.DECIMAL: _reads_number,
    AnswerType.PERCENT: _reads_with_rest,
    AnswerType.QUANTITY: lambda text: read_quantity(text) is not None,
    AnswerType.DATE: lambda text: read_date(text) is not None,
    AnswerType.TIME: lambda text: read_time(text) is not None,
    AnswerType.MONEY: lambda text: _is_money(text, text),
}


def _no_type(answer_type: str) -> AnswerType:
    raise ValueError(f"answer type {answer_type!r} is none of {', '.join(AnswerType)}")
