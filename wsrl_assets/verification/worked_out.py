"""Golds of code and mathematics, worked out from the question where that can be done.

Three ways: code that is typed at Python's prompt is executed (see `text/python_values`), a solution
is put into the equation that the question states, and arithmetic or algebra that it states is
compared by the reward's own exact arithmetic. What contradicts the question is refused; what none
of the ways can work out passes, and its verdict says so.
"""

import ast
import re
from collections.abc import Iterator
from enum import StrEnum

from wsrl_assets.reward import AnswerType, Gold, Reason
from wsrl_assets.reward.scoring import judge_answer
from wsrl_assets.storage.basis import Execution
from wsrl_assets.storage.tables import Verdict
from wsrl_assets.text.python_values import MAX_STATEMENTS, Session, evaluate_all


class Way(StrEnum):
    """How a gold was worked out: what the detail of its verdict begins with."""

    EXECUTED = "executed"
    PUT_INTO = "put into"
    EQUAL_TO = "equal to"
    NOT_CHECKED = "not checked"


_CHECK = "worked_out"
# What a question states, and its place: start and end, exclusive.
_Stated = tuple[str, int, int]
_OF_FORM = (AnswerType.CODE, AnswerType.EXPRESSION)
_NUMBERS = (AnswerType.INTEGER, AnswerType.DECIMAL)

_CODE = re.compile(r"`([^`\n]{1,300})`")
_ASKS_PYTHON = re.compile(
    r"\b(?:evaluates?|value|returns?|outputs?|results?|shows?|produces?|yields?|gives?|displays?)\b",
    re.IGNORECASE,
)

# Mathematics in a question: between dollar signs, or a run of numbers, single letters and signs.
_TYPESET = re.compile(r"\$([^$\n]{1,200})\$")
_TOKEN = re.compile(r"\d+(?:\.\d+)?|[A-Za-z]+|[-−+*×·/÷^()=]|\s+|.")
_SIGN = re.compile(r"[-−+*×·/÷^=]")
# What no number, letter or sign of an expression is, and so parts one from the next.
_BETWEEN = re.compile(r"[A-Za-z]{2,}|[,;:?!\"'“”‘’]")
_ARTICLES = frozenset(("a", "A", "I"))
_SOLVES = r"\b(?:solve|find|value of|what is|determine|satisf\w+|solution|root)\b"
_ASKS_MORE = re.compile(
    r"\b(?:sum|product|number|how many|difference|ratio|average|square of|modul\w+|mod"
    r"|approximat\w+|round\w*|nearest|decimal|inequality|derivative|integral|not)\b",
    re.IGNORECASE,
)
_WORKS_OUT = re.compile(
    r"\b(?:evaluate|compute|calculate|simplify|expand|factor(?:i[sz]e)?|work out|what is"
    r"|what does)(?: the (?:value of|expression|product|sum|quotient|result of))*:? *\$?$",
    re.IGNORECASE,
)
_ENDS = re.compile(r"\$? ?(?:equal ?)?[?.!]?\s*$")


def check_worked_out(basis: str | None, question: str, gold: Gold) -> tuple[Verdict, ...]:
    """The verdict `worked_out` on code and expressions, and on numbers that could be worked out.

    Its detail begins with the `Way`. Reasons: `not_executed` (what was executed for the draft is
    not now), `execution_differs`, `contradicts_question`.
    """
    if basis is not None:
        return (_executed_again(basis, gold),)
    if gold.type not in (*_OF_FORM, *_NUMBERS):
        return ()
    found = _by_python(question, gold)
    if found is None and len(stated := _stated(question)) == 1:
        ways = (_by_substitution, _by_arithmetic)
        tried = (way(stated[0], question, gold) for way in ways)
        found = next((verdict for verdict in tried if verdict), None)
    if found is not None:
        return (found,)
    if gold.type in _NUMBERS:
        return ()
    detail = f"{Way.NOT_CHECKED}: the question states nothing that could be worked out"
    return (Verdict(_CHECK, True, detail=detail),)


def _executed_again(basis: str, gold: Gold) -> Verdict:
    try:
        session = Execution.from_json(basis).session
    except ValueError:
        return Verdict(_CHECK, False, "not_executed", "its code is missing")
    (shown,) = evaluate_all([session])
    if shown is None:
        return Verdict(_CHECK, False, "not_executed", session.expression[:200])
    return _compared(shown, gold, f"{Way.EXECUTED}: {shown}", "execution_differs")


def _compared(shown: str, gold: Gold, told: str, reason: str) -> Verdict:
    agrees = judge_answer(shown, gold) is Reason.MATCH
    return Verdict(_CHECK, agrees, None if agrees else reason, told[:200])


def _by_python(question: str, gold: Gold) -> Verdict | None:
    """What a question gives in backticks, if it speaks of Python and asks what comes out."""
    if "python" not in question.casefold() or not _ASKS_PYTHON.search(question):
        return None
    session = _session(_CODE.findall(question))
    shown = evaluate_all([session])[0] if session else None
    if shown is None:
        return None
    bare = ast.literal_eval(shown)  # of what `evaluate_all` shows, which is a literal
    forms = (shown, bare) if isinstance(bare, str) else (shown,)
    told = f"{Way.EXECUTED}: {shown}"[:200]
    for form in forms:
        if judge_answer(form, gold) is Reason.MATCH:
            return Verdict(_CHECK, True, detail=told)
    return Verdict(_CHECK, False, "execution_differs", told)


def _session(snippets: list[str]) -> Session | None:
    """Statements and the one expression among snippets of code; none where it is not so."""
    statements: list[str] = []
    expressions: list[str] = []
    for snippet in snippets:
        try:
            ast.parse(snippet, mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            statements.append(snippet)
        else:
            expressions.append(snippet)
    if len(expressions) != 1 or len(statements) > MAX_STATEMENTS:
        return None
    return Session(tuple(statements), expressions[0])


def _by_substitution(stated: _Stated, question: str, gold: Gold) -> Verdict | None:
    """A solution, put into the one equation of one unknown that the question states."""
    equation = stated[0]
    if equation.count("=") != 1 or _ASKS_MORE.search(question):
        return None
    unknowns = set(re.findall(r"(?<![A-Za-z\\])[A-Za-z](?![A-Za-z])", equation))
    if len(unknowns) != 1 or not re.search(_SOLVES, question, re.IGNORECASE):
        return None
    (unknown,) = unknowns
    value = re.sub(rf"^\$?\s*{unknown}\s*=", "", gold.value).strip(" $")
    if not re.fullmatch(r"[-−]?(?:\d[\d.]*(?:/\d+)?|\\frac\{\d+\}\{\d+\}|\\?sqrt\W?\d+\W?)", value):
        return None
    left, right = (
        re.sub(rf"(?<![A-Za-z\\]){unknown}(?![A-Za-z])", lambda _: f"({value})", side)
        for side in equation.split("=")
    )
    return _equal(
        right, left, f"{Way.PUT_INTO} {equation.strip()}: {left.strip()} = {right.strip()}"
    )


def _by_arithmetic(stated: _Stated, question: str, gold: Gold) -> Verdict | None:
    """What is asked to be worked out, if the question is nothing else."""
    text, start, end = stated
    if "=" in text:
        return None
    if not _WORKS_OUT.search(question, 0, start) or not _ENDS.match(question, end):
        return None
    found = _equal(gold.value, text, f"{Way.EQUAL_TO} {text.strip()}")
    is_rounded = gold.type is AnswerType.DECIMAL and found is not None and not found.passed
    return None if is_rounded else found


def _equal(found: str, wanted: str, told: str) -> Verdict | None:
    """Whether two expressions are equal; none where the reward does not know."""
    verdict = judge_answer(found.strip(), Gold(AnswerType.EXPRESSION, wanted.strip()))
    if verdict is Reason.MATCH:
        return Verdict(_CHECK, True, detail=told[:200])
    if verdict is Reason.WRONG_VALUE:
        return Verdict(_CHECK, False, "contradicts_question", f"not {told}"[:200])
    return None


def _stated(question: str) -> list[_Stated]:
    """The expressions and equations of a question that have a sign; most questions have none."""
    parts = [question] if "$" in question else _BETWEEN.split(question)
    if not any(_SIGN.search(part) and any(map(str.isdigit, part)) for part in parts):
        return []
    return [one for one in _mathematics(question) if _SIGN.search(one[0])]


def _mathematics(question: str) -> Iterator[_Stated]:
    """The expressions and equations of a question, with the place of each."""
    typeset = list(_TYPESET.finditer(question))
    if typeset:
        yield from ((found[1], found.start(), found.end()) for found in typeset)
        return
    run: list[re.Match[str]] = []
    for token in [*_TOKEN.finditer(question), None]:
        if token is not None and _is_mathematics(token[0]):
            run.append(token)
            continue
        while run and run[-1][0].isspace():
            run.pop()
        while run and run[0][0].isspace():
            run.pop(0)
        text = "".join(part[0] for part in run)
        if any(character.isdigit() for character in text):
            yield text, run[0].start(), run[-1].end()
        run = []


def _is_mathematics(token: str) -> bool:
    if token.isalpha():
        return len(token) == 1 and token not in _ARTICLES
    return token[0].isdigit() or token.isspace() or token in "-−+*×·/÷^()="
