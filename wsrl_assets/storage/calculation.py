"""Queries that a model writes over facts of a document, in a database that can do nothing else.

A query is data from a stranger. It runs in memory, on a connection without access to files,
network, extensions or Python objects, and only after its syntax tree was read: one SELECT over the
table `facts`, made of the nodes and functions that are listed here. Anything not listed is refused,
so a new function of DuckDB is refused too. Time, memory, rows and length of the result are bounded.
"""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import duckdb

from wsrl_assets.storage.basis import Computation, Fact

VERSION = "1"
# For all runs of a query together; they take milliseconds where nothing is wrong.
_MAX_SECONDS = 5.0
_TOO_LONG = f"it takes longer than {_MAX_SECONDS:g} s"
_MEMORY = "64MB"
_MAX_TEXT_CHARS = 100
# More than these are a question of rounding, which the query must do and the question must say.
MAX_DECIMALS = 4

_TABLE = "facts"
# One statement: a row at a time takes ten times as long.
_FILL = f"""
CREATE OR REPLACE TABLE {_TABLE} AS SELECT
  unnest($1::VARCHAR[]) AS entity, unnest($2::VARCHAR[]) AS attribute, unnest($3::DOUBLE[]) AS value
"""
_NODES = frozenset(("SELECT_NODE", "SET_OPERATION_NODE"))
_RELATIONS = frozenset(("BASE_TABLE", "SUBQUERY", "JOIN", "EMPTY"))
_EXPRESSIONS = frozenset(
    (
        "BETWEEN",
        "CASE",
        "CAST",
        "COLUMN_REF",
        "COMPARISON",
        "CONJUNCTION",
        "CONSTANT",
        "FUNCTION",
        "OPERATOR",
        "STAR",
        "SUBQUERY",
    )
)
_FUNCTIONS = frozenset(
    (
        *("+", "-", "*", "/", "//", "%", "abs", "round", "floor", "ceil", "ceiling", "sqrt"),
        *("sum", "avg", "mean", "min", "max", "count", "count_star", "median"),
        *("arg_max", "arg_min", "max_by", "min_by", "greatest", "least", "nullif", "coalesce"),
        *("lower", "upper", "trim", "~~", "~~*", "!~~", "!~~*", "like_escape"),
    )
)
_CONFIG: dict[str, Any] = {
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
    "memory_limit": _MEMORY,
    "max_temp_directory_size": "0KB",
    "threads": 1,
    "lock_configuration": True,
}


class CalculationError(ValueError):
    """A computation without a gold: `reason` in one word, `detail` in a sentence."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Calculated:
    """What a query makes of facts.

    Attributes:
        result: the number or text, as an answer is written: `42`, `12.5`, `Nile`.
        is_number: which of the two.
        used: the facts that it depends on; these alone give the same result.
        rounds: whether the query rounds.
    """

    result: str
    is_number: bool
    used: tuple[Fact, ...]
    rounds: bool


def calculate(computation: Computation) -> Calculated:
    """Executes a computation; takes milliseconds, and about five seconds at worst.

    A fact is used if the result is another one without it, or with a far larger or smaller value in
    it. So a query is followed to its rows whatever its shape, and what does not matter needs no
    proof. A fact that is named twice is one: else a look-up would seem to depend on two, and a sum
    would count it twice.

    Raises:
        CalculationError: reasons `query_refused`, `query_failed`, `no_single_result`,
            `result_not_exact`, `result_depends_on_order`, `one_fact_suffices`.
    """
    facts = _distinct(computation.facts)
    with duckdb.connect(":memory:", config=_CONFIG) as connection:
        tree = _checked(connection, computation.query)
        run = _Run(connection, computation.query, time.monotonic() + _MAX_SECONDS)
        value = run.result(facts)
        used = run.used(facts, value)
        if len(used) < 2:
            raise CalculationError("one_fact_suffices", f"{value!r} depends on {len(used)} facts")
        for rows in (used, used[::-1]):
            again = run.result(rows)
            if again != value:
                detail = f"{value!r}, and {again!r} from the same facts in another order"
                raise CalculationError("result_depends_on_order", detail)
    is_number = not isinstance(value, str)
    return Calculated(_written(value), is_number, used, _calls(tree, "round"))


def _distinct(facts: Sequence[Fact]) -> tuple[Fact, ...]:
    """The facts without those that say again of an entity what one before says, wherever."""
    found: dict[tuple[str, str, float], Fact] = {}
    for fact in facts:
        found.setdefault((fact.entity.casefold(), fact.attribute.casefold(), fact.value), fact)
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class _Run:
    """A checked query, run over one set of facts after another until a deadline."""

    connection: duckdb.DuckDBPyConnection
    query: str
    deadline: float

    def result(self, facts: Sequence[Fact]) -> float | str:
        """The one value of the query over some facts."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise CalculationError("query_failed", _TOO_LONG)
        columns = zip(*((f.entity, f.attribute, f.value) for f in facts), strict=True)
        self.connection.execute(_FILL, [list(column) for column in columns] or [[], [], []])
        alarm = threading.Timer(left, self.connection.interrupt)
        alarm.start()
        try:
            found = self.connection.execute(self.query).fetchmany(2)
        except duckdb.InterruptException:
            raise CalculationError("query_failed", _TOO_LONG) from None
        except duckdb.Error as error:
            raise CalculationError("query_failed", str(error).splitlines()[0][:200]) from None
        finally:
            alarm.cancel()
        return _single(found)

    def used(self, facts: Sequence[Fact], value: float | str) -> tuple[Fact, ...]:
        """The facts without which, or with another value in which, the result is not `value`."""
        far = 10 * max(abs(fact.value) for fact in facts) + 1

        def matters(at: int) -> bool:
            moved = [[facts[at].model_copy(update={"value": end})] for end in (far, -far)]
            stand_ins: list[list[Fact]] = [[], *moved]
            others = ([*facts[:at], *stand_in, *facts[at + 1 :]] for stand_in in stand_ins)
            return any(self._result_or_none(rows) != value for rows in others)

        return tuple(fact for at, fact in enumerate(facts) if matters(at))

    def _result_or_none(self, facts: Sequence[Fact]) -> float | str | None:
        with suppress(CalculationError):
            return self.result(facts)
        return None


def _checked(connection: duckdb.DuckDBPyConnection, query: str) -> Any:
    """The syntax tree of a query that may run."""
    found = connection.execute("SELECT json_serialize_sql($1::VARCHAR)", [query]).fetchone()
    assert found is not None
    tree = json.loads(found[0])
    if tree.get("error"):
        raise CalculationError("query_refused", str(tree.get("error_message"))[:200])
    if len(tree["statements"]) != 1:
        raise CalculationError("query_refused", "it is not one SELECT")
    for part in _parts(tree):
        _check_part(part)
    return tree


def _parts(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object of a syntax tree."""
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part


def _check_part(part: dict[str, Any]) -> None:
    kind, expression = str(part.get("type", "")), part.get("class")
    if expression is not None:
        if expression not in _EXPRESSIONS:
            raise CalculationError("query_refused", f"it holds {expression}")
        if expression == "FUNCTION":
            _check_function(part)
    elif kind.endswith("_NODE") and kind not in _NODES:
        raise CalculationError("query_refused", f"it holds {kind}")
    elif "sample" in part and "alias" in part:
        _check_relation(part)
    if part.get("cte_map", {}).get("map") or part.get("sample") is not None:
        raise CalculationError("query_refused", "it holds WITH or SAMPLE")


def _check_function(part: dict[str, Any]) -> None:
    name = part.get("function_name")
    if name not in _FUNCTIONS or part.get("schema") or part.get("catalog"):
        raise CalculationError("query_refused", f"it calls {name}")


def _check_relation(part: dict[str, Any]) -> None:
    kind = part.get("type")
    if kind not in _RELATIONS:
        raise CalculationError("query_refused", f"it reads from {kind}")
    if kind == "BASE_TABLE":
        place = (part.get("catalog_name"), part.get("schema_name"), part.get("table_name"))
        if place != ("", "", _TABLE):
            raise CalculationError("query_refused", f"it reads from {place[2]}")


def _calls(tree: Any, function: str) -> bool:
    return any(part.get("function_name") == function for part in _parts(tree))


def _single(rows: Sequence[tuple[Any, ...]]) -> float | str:
    if len(rows) != 1 or len(rows[0]) != 1 or rows[0][0] is None:
        raise CalculationError("no_single_result", "it does not give one row of one value")
    value = rows[0][0]
    if isinstance(value, str) and 0 < len(value) <= _MAX_TEXT_CHARS:
        return value
    if isinstance(value, bool | str):
        raise CalculationError("no_single_result", f"{str(value)[:40]!r} is no answer")
    return _exact(float(value))


def _exact(value: float) -> float:
    """A number without what binary fractions add to it."""
    rounded = round(value, MAX_DECIMALS)
    if not abs(value - rounded) <= 1e-9 * max(1.0, abs(value)):
        detail = f"{value} has more than {MAX_DECIMALS} decimals: the query must round it"
        raise CalculationError("result_not_exact", detail)
    return rounded


def _written(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.{MAX_DECIMALS}f}".rstrip("0").rstrip(".")
