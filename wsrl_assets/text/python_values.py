"""The value of a small Python expression, found without running Python code of a document.

A transcript is a stranger's text, so it is read as a syntax tree and worked out node by node; what
is not listed here is not done. Literals, arithmetic, comparisons, subscripts, comprehensions, names
that were assigned, some built-in functions, functions of `math`, and methods of str, list, dict and
set that make no format. No attribute is read, nothing is imported, defined or opened, and no value
grows beyond a bound, which holds for every value between the first and the last. A bound on the
steps makes the work finite.

`evaluate_all` does so in another process, which may use seconds of processor time, a few hundred
megabytes of memory, no files and no processes of its own, in case that a bound here has a gap.
"""

import ast
import json
import math
import operator
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MAX_SOURCE_CHARS = 300
MAX_STATEMENTS = 8
MAX_RESULT_CHARS = 200
_MAX_STEPS = 2_000
_MAX_DEPTH = 40
# Elements and characters of a value, its parts included.
_MAX_WEIGHT = 2_000
_MAX_NESTING = 12
_MAX_BITS = 4_096
_MAX_DIGITS = 20
_MAX_FACTORIAL = 200
_MAX_SESSIONS = 64
_CPU_SECONDS = 2
_WALL_SECONDS = 10.0
_MEMORY_BYTES = 512 * 2**20


class NotEvaluatedError(ValueError):
    """An expression that is not worked out: not listed, beyond a bound, or it raises."""


_OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
    ast.Not: operator.not_,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda one, other: one in other,
    ast.NotIn: lambda one, other: one not in other,
    ast.Is: lambda one, other: one is other,
    ast.IsNot: lambda one, other: one is not other,
}


class _Once(tuple[Any, ...]):
    """The items of a range, a zip or a view of a dict: for a loop or a call, and not to be kept."""


def _range(*bounds: int) -> _Once:
    found = range(*bounds)
    if len(found) > _MAX_WEIGHT:
        raise NotEvaluatedError("a long range")
    return _Once(found)


def _factorial(number: int) -> int:
    if number > _MAX_FACTORIAL:
        raise NotEvaluatedError("a large factorial")
    return math.factorial(number)


def _rounded(number: float, digits: int | None = None) -> float:
    if digits is not None and abs(digits) > _MAX_DIGITS:
        raise NotEvaluatedError("many digits")
    return round(number, digits)


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{
        f.__name__: f for f in (abs, all, any, bin, chr, divmod, hex, len, max, min, oct, ord, repr)
    },
    **{f.__name__: f for f in (bool, dict, float, int, list, set, sorted, str, sum, tuple)},
    "enumerate": lambda *given: _Once(enumerate(*given)),
    "pow": lambda base, exponent: _binary(ast.Pow(), base, exponent),
    "range": _range,
    "reversed": lambda given: _Once(reversed(given)),
    "round": _rounded,
    "zip": lambda *given: _Once(zip(*given, strict=False)),
}
_MATH: Mapping[str, Any] = {
    **{f.__name__: f for f in (math.ceil, math.cos, math.exp, math.fabs, math.floor, math.gcd)},
    **{f.__name__: f for f in (math.hypot, math.isqrt, math.log, math.log2, math.log10, math.sin)},
    **{f.__name__: f for f in (math.sqrt, math.tan, math.trunc)},
    "factorial": _factorial,
    "pi": math.pi,
    "e": math.e,
}
_METHODS: Mapping[type, frozenset[str]] = {
    str: frozenset(
        "capitalize casefold center count endswith find index isalnum isalpha isdigit islower"
        " isnumeric isspace istitle isupper join ljust lower lstrip partition removeprefix"
        " removesuffix replace rfind rindex rjust rpartition rsplit rstrip split splitlines"
        " startswith strip swapcase title upper zfill".split()
    ),
    list: frozenset("append clear copy count extend index insert pop remove reverse sort".split()),
    tuple: frozenset(("count", "index")),
    dict: frozenset("clear copy get items keys pop popitem setdefault update values".split()),
    set: frozenset(
        "add clear copy difference discard intersection isdisjoint issubset issuperset remove"
        " symmetric_difference union update".split()
    ),
    int: frozenset(("bit_length",)),
    float: frozenset(("is_integer",)),
}
# What these make of a set does not depend on its order, which Python does not fix.
_WITHOUT_ORDER = frozenset("len sorted sum min max any all bool set".split())
_EMPTY: dict[Any, Any] = {}
_VIEWS = (type(_EMPTY.keys()), type(_EMPTY.values()), type(_EMPTY.items()))
_REVERSIBLE = frozenset(("sorted", "sort"))
_FAULTS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Session:
    """What is typed at Python's prompt: statements, and an expression whose value is shown."""

    statements: tuple[str, ...]
    expression: str


def evaluate(session: Session) -> str:
    """What Python shows for the expression after the statements, as text.

    Raises:
        NotEvaluatedError: it is not worked out; says why.
    """
    sources = (*session.statements, session.expression)
    if len(sources) > MAX_STATEMENTS + 1 or any(len(s) > MAX_SOURCE_CHARS for s in sources):
        raise NotEvaluatedError("it is long")
    worker = _Evaluator()
    try:
        for statement in session.statements:
            worker.execute(ast.parse(statement, mode="exec"))
        value = worker.value(ast.parse(session.expression.strip(), mode="eval").body)
        shown = _shown(value)
    except NotEvaluatedError:
        raise
    except _FAULTS as error:
        raise NotEvaluatedError(type(error).__name__) from None
    return shown


def _shown(value: Any) -> str:
    if value is None or _holds_set(value) or _holds(value, _Once):
        raise NotEvaluatedError("nothing that is shown in one way")
    shown = repr(value)
    if len(shown) > MAX_RESULT_CHARS:
        raise NotEvaluatedError("a long result")
    return shown


def _holds_set(value: Any) -> bool:
    return _holds(value, set)


def _holds(value: Any, kind: type) -> bool:
    if type(value) is kind:
        return True
    inner = value.values() if type(value) is dict else value
    return type(value) in (list, tuple, dict, set, _Once) and any(_holds(i, kind) for i in inner)


def _weight(value: Any, nesting: int = 0) -> int:
    """Elements and characters of a value; raises where there are too many, or a kind not listed."""
    kind = type(value)
    if kind is int:
        if value.bit_length() > _MAX_BITS:
            raise NotEvaluatedError("a large number")
        return 1
    if value is None or kind in (bool, float):
        return 1
    if kind is str:
        total = 1 + len(value)
    elif nesting > _MAX_NESTING:
        raise NotEvaluatedError("deep nesting")
    elif kind in (list, tuple, set, _Once):
        total = 1
        for item in value:
            total += _weight(item, nesting + 1)
            if total > _MAX_WEIGHT:
                break
    elif kind is dict:
        total = _weight([*value.keys(), *value.values()], nesting)
    else:
        raise NotEvaluatedError(f"a {kind.__name__}")
    if total > _MAX_WEIGHT:
        raise NotEvaluatedError("a large value")
    return total


def _binary(sign: ast.AST, left: Any, right: Any) -> Any:
    """An operation of two values, after its result is known to be small."""
    if _Once in (type(left), type(right)):
        raise NotEvaluatedError("an operation on a range")
    numbers = all(type(one) in (int, float, bool) for one in (left, right))
    kind = type(sign)
    if kind in (ast.Mod, ast.Pow, ast.LShift) and not numbers:
        raise NotEvaluatedError("a format")
    whole = all(type(one) in (int, bool) for one in (left, right))
    bits = max(int(left).bit_length(), 1) if whole else 1
    if (kind is ast.Pow and whole and abs(right) * bits > _MAX_BITS) or (
        kind is ast.LShift and right > _MAX_BITS
    ):
        raise NotEvaluatedError("a large power")
    if kind is ast.Mult and not numbers:
        times, repeated = (left, right) if type(left) is int else (right, left)
        if type(times) is not int or times * max(len(repeated), 1) > _MAX_WEIGHT:
            raise NotEvaluatedError("a large value")
    return _OPERATORS[kind](left, right)


@dataclass(slots=True)
class _Evaluator:
    """Works out one session; `names` are those it assigned."""

    names: dict[str, Any] = field(default_factory=dict)
    has_math: bool = False
    steps: int = 0
    depth: int = 0

    def execute(self, tree: ast.Module) -> None:
        for statement in tree.body:
            if isinstance(statement, ast.Import):
                self._import(statement)
            elif isinstance(statement, ast.Assign):
                found = self.value(statement.value)
                if _holds(found, _Once):
                    raise NotEvaluatedError("a range that is kept")
                for target in statement.targets:
                    self._bind(target, found, self.names)
            elif isinstance(statement, ast.Expr):
                self.value(statement.value)
            else:
                raise NotEvaluatedError(type(statement).__name__)

    def _import(self, statement: ast.Import) -> None:
        if any((one.name, one.asname) != ("math", None) for one in statement.names):
            raise NotEvaluatedError("an import")
        self.has_math = True

    def _bind(self, target: ast.expr, value: Any, names: dict[str, Any]) -> None:
        if isinstance(target, ast.Name) and target.id not in _FUNCTIONS and target.id != "math":
            names[target.id] = value
        elif isinstance(target, ast.Tuple) and type(value) in (list, tuple):
            for part, item in zip(target.elts, value, strict=True):
                self._bind(part, item, names)
        else:
            raise NotEvaluatedError("an assignment to a part")

    def value(self, node: ast.expr) -> Any:
        """The value of an expression, within the bounds."""
        self.steps += 1
        if self.steps > _MAX_STEPS or self.depth > _MAX_DEPTH:
            raise NotEvaluatedError("many steps")
        work = _NODES.get(type(node))
        if work is None:
            raise NotEvaluatedError(type(node).__name__)
        self.depth += 1
        found = work(self, node)
        self.depth -= 1
        _weight(found)
        return found

    def _name(self, node: ast.Name) -> Any:
        return self.names[node.id]

    def _constant(self, node: ast.Constant) -> Any:
        return node.value

    def _items(self, node: ast.List | ast.Tuple | ast.Set) -> Any:
        kinds = {ast.List: list, ast.Tuple: tuple, ast.Set: set}
        return kinds[type(node)](self.value(item) for item in node.elts)

    def _dict(self, node: ast.Dict) -> Any:
        if None in node.keys:
            raise NotEvaluatedError("a dict in a dict")
        keys = [self.value(key) for key in node.keys if key is not None]
        return dict(zip(keys, map(self.value, node.values), strict=True))

    def _unary(self, node: ast.UnaryOp) -> Any:
        return _OPERATORS[type(node.op)](self.value(node.operand))

    def _operation(self, node: ast.BinOp) -> Any:
        return _binary(node.op, self.value(node.left), self.value(node.right))

    def _bool(self, node: ast.BoolOp) -> Any:
        found: Any = None
        for part in node.values:
            found = self.value(part)
            if bool(found) is isinstance(node.op, ast.Or):
                break
        return found

    def _compare(self, node: ast.Compare) -> Any:
        left, found = self.value(node.left), True
        for sign, part in zip(node.ops, node.comparators, strict=True):
            right = self.value(part)
            if type(left) is _Once or (type(right) is _Once and not isinstance(sign, ast.In)):
                raise NotEvaluatedError("an operation on a range")
            found = _OPERATORS[type(sign)](left, right)
            if not found:
                break
            left = right
        return found

    def _if(self, node: ast.IfExp) -> Any:
        return self.value(node.body if self.value(node.test) else node.orelse)

    def _subscript(self, node: ast.Subscript) -> Any:
        owner = self.value(node.value)
        if not isinstance(node.slice, ast.Slice):
            return owner[self.value(node.slice)]
        parts = (node.slice.lower, node.slice.upper, node.slice.step)
        return owner[slice(*(None if part is None else self.value(part) for part in parts))]

    def _attribute(self, node: ast.Attribute) -> Any:
        found = self._of_math(node)
        if not isinstance(found, float):
            raise NotEvaluatedError("an attribute")
        return found

    def _of_math(self, node: ast.Attribute) -> Any:
        is_math = isinstance(node.value, ast.Name) and node.value.id == "math"
        return _MATH.get(node.attr) if is_math and self.has_math else None

    def _call(self, node: ast.Call) -> Any:
        function, name, owner = self._callee(node.func)
        given = [self._argument(one) for one in node.args]
        named = {str(one.arg): self.value(one.value) for one in node.keywords}
        if named and (name not in _REVERSIBLE or set(named) != {"reverse"}):
            raise NotEvaluatedError("a keyword")
        if owner is not None and any(type(one) is int and one > _MAX_WEIGHT for one in given):
            raise NotEvaluatedError("a large number")
        if name not in _WITHOUT_ORDER and type(owner) is not set and any(map(_holds_set, given)):
            raise NotEvaluatedError("an order that Python does not fix")
        found = function(*given, **named)
        if owner is not None:
            _weight(owner)
        return _Once(found) if isinstance(found, _VIEWS) else found

    def _callee(self, node: ast.expr) -> tuple[Callable[..., Any], str, Any]:
        """What is called, its name, and the value whose method it is."""
        if isinstance(node, ast.Name) and node.id not in self.names and node.id in _FUNCTIONS:
            return _FUNCTIONS[node.id], node.id, None
        if not isinstance(node, ast.Attribute):
            raise NotEvaluatedError("a call")
        found = self._of_math(node)
        if callable(found):
            return found, node.attr, None
        owner = self.value(node.value)
        if node.attr not in _METHODS.get(type(owner), ()):
            raise NotEvaluatedError("a method")
        return getattr(owner, node.attr), node.attr, owner

    def _argument(self, node: ast.expr) -> Any:
        return self._comprehension(node) if isinstance(node, ast.GeneratorExp) else self.value(node)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Any:
        found: list[Any] = []
        self._loop(node.generators, lambda: found.append(self.value(node.elt)))
        return set(found) if isinstance(node, ast.SetComp) else found

    def _dict_comprehension(self, node: ast.DictComp) -> Any:
        found: dict[Any, Any] = {}
        self._loop(
            node.generators, lambda: found.update({self.value(node.key): self.value(node.value)})
        )
        return found

    def _loop(self, generators: Sequence[ast.comprehension], body: Callable[[], Any]) -> None:
        """Runs the body for every item, with the names of the loop for its time only."""
        if not generators:
            body()
            return
        first, *rest = generators
        if first.is_async:
            raise NotEvaluatedError("async")
        outer = dict(self.names)
        items = self.value(first.iter)
        if type(items) is set:
            raise NotEvaluatedError("an order that Python does not fix")
        for item in items:
            self._bind(first.target, item, self.names)
            if all(self.value(condition) for condition in first.ifs):
                self._loop(rest, body)
        self.names = outer


_NODES: Mapping[type[ast.expr], Callable[[_Evaluator, Any], Any]] = {
    ast.Name: _Evaluator._name,
    ast.Constant: _Evaluator._constant,
    ast.List: _Evaluator._items,
    ast.Tuple: _Evaluator._items,
    ast.Set: _Evaluator._items,
    ast.Dict: _Evaluator._dict,
    ast.UnaryOp: _Evaluator._unary,
    ast.BinOp: _Evaluator._operation,
    ast.BoolOp: _Evaluator._bool,
    ast.Compare: _Evaluator._compare,
    ast.IfExp: _Evaluator._if,
    ast.Subscript: _Evaluator._subscript,
    ast.Attribute: _Evaluator._attribute,
    ast.Call: _Evaluator._call,
    ast.ListComp: _Evaluator._comprehension,
    ast.SetComp: _Evaluator._comprehension,
    ast.DictComp: _Evaluator._dict_comprehension,
}


def evaluate_all(sessions: Sequence[Session]) -> list[str | None]:
    """What Python shows for each session, worked out in a process of their own.

    None for one that is not worked out, and for all where the process fails or takes too long; so
    it is for those beyond the first 64. Takes some 30 ms, and 10 seconds at worst.
    """
    if not sessions:
        return []
    sent = json.dumps([[one.statements, one.expression] for one in sessions[:_MAX_SESSIONS]])
    nothing: list[str | None] = [None] * len(sessions)
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(Path(__file__).resolve())],
            input=sent.encode(),
            capture_output=True,
            timeout=_WALL_SECONDS,
            env={},
            cwd="/",
            check=True,
        )
        found = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return nothing
    return [*found, *nothing[len(found) :]]


def _confine() -> None:
    """Bounds this process; called in the one that `evaluate_all` starts."""
    for limit, value in (
        (resource.RLIMIT_CPU, _CPU_SECONDS),
        (resource.RLIMIT_AS, _MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))


def _evaluate_or_none(session: Session) -> str | None:
    try:
        return evaluate(session)
    except NotEvaluatedError:
        return None


if __name__ == "__main__":
    _confine()
    asked = [Session(tuple(given), shown) for given, shown in json.load(sys.stdin)]
    json.dump([_evaluate_or_none(one) for one in asked], sys.stdout)
