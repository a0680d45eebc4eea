"""Expressions of strangers: worked out as Python would, and never able to act, hang or grow."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsrl_assets.text.python_values import NotEvaluatedError, Session, evaluate, evaluate_all


def shown(*lines: str) -> str:
    return evaluate(Session(lines[:-1], lines[-1]))


@pytest.mark.parametrize(
    "lines",
    [
        ("7 // 2 * 3 - -1",),
        ("2 ** 10 % 1000",),
        ("17 / 4",),
        ("sorted('banana', reverse=True)",),
        ("x = [3, 1, 2]", "x.append(5)", "x[1:] + x[:1]"),
        ("words = 'to be or not'.split()", "[w.upper() for w in words if len(w) > 2]"),
        ("{w: len(w) for w in ('a', 'bb')}",),
        ("sum(n * n for n in range(5))",),
        ("a, b = 3, 4", "(a, b) if a > b else (b, a)"),
        ("1 < 2 < 3 and not 'x' in 'abc'",),
        ("import math", "math.floor(math.sqrt(17) + math.pi)"),
        ("d = {'k': [1]}", "d['k'].append(2)", "list(d.items())"),
        ("'-'.join(reversed(['a', 'b']))",),
        ("[(i, j) for i in range(2) for j in 'ab']",),
        ("round(2.675, 2)",),
        ("'%d' if 0 else \"it's\"",),
    ],
)
def test_a_value_is_what_python_shows(lines: tuple[str, ...]) -> None:
    names: dict[str, object] = {}
    for line in lines[:-1]:
        exec(line, names)
    expected = eval(lines[-1], names)
    assert shown(*lines) == repr(expected)


ATTACKS = [
    ("9**9**9",),
    ("2**100000",),
    ("1 << 10**9",),
    ("'a' * 10**10",),
    ("[0] * 10**10",),
    ("10**10 * [0]",),
    ("'a'.ljust(10**9)",),
    ("'a'.zfill(10**9)",),
    ("'%1000000000d' % 1",),
    ("'{:>1000000000}'.format(1)",),
    ("f'{1:>1000000000}'",),
    ("'{0.__class__}'.format(1)",),
    ("().__class__.__bases__[0].__subclasses__()",),
    ("''.__class__",),
    ("__import__('os').system('id')",),
    ("open('/etc/passwd').read()",),
    ("import os", "os.getcwd()"),
    ("from math import *", "pi"),
    ("import math as os", "1"),
    ("eval('1')",),
    ("exec('1')",),
    ("getattr(1, 'real')",),
    ("(lambda: 1)()",),
    ("(x := 1)",),
    ("def f(): pass", "1"),
    ("while True: pass", "1"),
    ("for i in range(9): pass", "1"),
    ("class A: pass", "1"),
    ("x = []", "x.append(x)", "x"),
    ("x = [1]", "y = [x]", "x.append(y)", "y == y"),
    ("x = [1]", "[x.append(i) for i in x]", "len(x)"),
    ("x = [[1]*9]*9", "x = [x]*9", "x = [x]*9", "x = [x]*9", "x = [x]*9", "x"),
    ("[1 for a in range(2000) for b in range(2000) for c in range(2000)]",),
    ("sum([[0]*900]*900, [])",),
    ("'a'.replace('', 'b'*1999).replace('', 'c'*1999)",),
    ("(" * 150 + "1" + ")" * 148,),
    ("-" * 290 + "1",),
    ("[" * 90 + "]" * 90,),
    ("not " * 70 + "1",),
    ("1" * 5_000,),
    ("range(10**12)",),
    ("round(1, -10**9)",),
    ("int('9' * 1999) ** 2",),
    ("__builtins__",),
    ("print(1)",),
    ("math.factorial(10**6)",),
    ("import math", "math.factorial(10**6)"),
    ("import math", "math.__loader__"),
    ("{3, 1, 2}",),
    ("range(3)",),
    ("[zip('ab', 'cd')]",),
    ("z = zip('ab', 'cd')", "list(z)"),
    ("v = {1: 2}.keys()", "list(v)"),
    ("range(3) == [0, 1, 2]",),
    ("list({'a', 'b', 'c'})",),
    ("str({'a', 'b'})",),
    ("[x for x in {'a', 'b'}]",),
    ("''.join({'a', 'b'})",),
    ("None",),
    ("\0",),
    ("1 +",),
    ("1 / 0",),
    ("[].pop()",),
    ("b'a' * 10**10",),
    ("1j ** 10**9",),
    ("len = 3", "len"),
]


@pytest.mark.parametrize("lines", ATTACKS, ids=[repr(lines)[:40] for lines in ATTACKS])
def test_nothing_acts_hangs_or_grows(lines: tuple[str, ...]) -> None:
    started = time.process_time()
    with pytest.raises(NotEvaluatedError):
        shown(*lines)
    assert time.process_time() - started < 1


ATOMS = st.sampled_from("1|7|x|'ab'|[1, 2]|range(9)|len(x)|x.append(x)|{1: x}|True|2.5".split("|"))
JOINED = st.recursive(
    ATOMS,
    lambda inner: st.builds(
        "({} {} {})".format,
        inner,
        st.sampled_from("+ - * ** // % << == in and or".split()),
        inner,
    ),
    max_leaves=12,
)


@settings(max_examples=150)
@given(JOINED)
def test_any_expression_has_a_value_or_none_and_soon(expression: str) -> None:
    started = time.process_time()
    try:
        found = shown("x = [1, 'a']", expression)
    except NotEvaluatedError:
        found = ""
    assert len(found) <= 200
    assert time.process_time() - started < 1


def test_another_process_says_the_same_and_answers_for_each() -> None:
    sessions = [Session((), "1 + 1"), Session((), "9**9**9"), Session(("x = 'a'",), "x * 3")]
    assert evaluate_all(sessions) == ["2", None, "'aaa'"]
    assert evaluate_all([]) == []
