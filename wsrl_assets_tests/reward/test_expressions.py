"""Expressions: equal by exact arithmetic at fixed points, with bounded work and no clock."""

from __future__ import annotations

import ast
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import localcontext
from fractions import Fraction
from pathlib import Path

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wsrl_assets.reward
from wsrl_assets.reward import AnswerType, Gold, Reason, balls, evaluation, score
from wsrl_assets.reward.balls import Ball
from wsrl_assets.reward.evaluation import Point, Value, evaluate
from wsrl_assets.reward.expressions import read_expression, same

HERE = Point(1, 1)


def gold(value: str) -> Gold:
    return Gold(AnswerType.EXPRESSION, value)


def value_of(text: str, point: Point = HERE) -> Value | None:
    expression = read_expression(text)
    return None if expression is None else evaluate(expression.tokens, point)


EQUAL = (
    ("\\{1,2\\}", "\\{2,1\\}"),
    ("\\{1,2\\}", "{1,2}"),
    ("\\{-1,\\frac{1}{2}\\}", "\\{0.5, -1\\}"),
    ("3x-y+13=0", "6x-2y+26=0"),
    ("3x-y+13=0", "-3x+y-13=0"),
    ("3x-y+13=0", "y=3x+13"),
    ("2x+3y=6", "y=2-2x/3"),
    ("x^2+y^2=25", "2x^2+2y^2-50=0"),
    ("x=5", "5=x"),
    ("x=5", "2x=10"),
    ("x>3", "3<x"),
    ("x>3", "-2x<-6"),
    ("x>3", "(3,\\infty)"),
    ("1<x<4", "4>x>1"),
    ("[-2,5)", "-2\\le x<5"),
    ("x\\neq 3", "2x\\neq 6"),
    ("(-\\infty,2)\\cup(3,\\infty)", "(3,\\infty)\\cup(-\\infty,2)"),
    ("(-\\infty,\\infty)", "(-\\infty,1]\\cup[1,\\infty)"),
    ("[0,\\frac{1}{2}]", "[0,0.5]"),
    ("(1,2)", "(2/2,4/2)"),
    ("\\pm\\sqrt{2}", "\\sqrt2,-\\sqrt2"),
    ("x=\\pm 2", "\\{-2,2\\}"),
    ("2\\sqrt{2}", "\\sqrt{8}"),
    ("2\\sqrt{2}", "2^{1.5}"),
    ("\\sin(2x)", "2\\sin x\\cos x"),
    ("x\\cosh^2 x-x\\sinh^2 x", "x"),
    ("\\log_2 8", "\\ln 8/\\ln 2"),
    ("e^{i\\pi}", "\\cos\\pi"),
    ("\\sqrt{-4}", "2i"),
    ("\\sqrt[3]{-8}", "-2"),
    ("|x|", "\\sqrt{x^2}"),
    ("n!", "n(n-1)!"),
    ("\\binom{n}{2}", "\\frac{n(n-1)}{2}"),
    ("\\frac{7}{2}", "3½"),
    ("\\frac{7}{2}", "3 1/2"),
    ("-\\frac{7}{2}", "-3\\frac{1}{2}"),
    ("0.001", "1e-3"),
    ("\\infty", "infinity"),
    ("\\frac12", "\\frac{1}2"),
)
DIFFERENT = (
    ("x", "\\sqrt{x^2}"),
    ("\\ln|x|", "\\ln x"),
    ("x>3", "x<3"),
    ("x>3", "x\\geq 3"),
    ("x>3", "y>3"),
    ("x>3", "-x>-3"),
    ("a>b", "b>a"),
    ("1=2", "3=4"),
    ("3x-y+13=0", "3x-y+12=0"),
    ("x^2=4", "x=2"),
    ("5", "2x=10"),
    ("\\{1,2\\}", "\\{1,2,3\\}"),
    ("\\{1,2\\}", "(1,2)"),
    ("(1,2)", "(2,1)"),
    ("(1,2)", "1,2"),
    ("[1,2]\\cup[4,5]", "[1,2]\\cup[4,5)"),
    ("\\pi", "3.14159265358979323846"),
    ("0", "10^{-40}"),
    ("0", "\\pi\\cdot 10^{-40}"),
    ("x", "x+10^{-40}"),
    ("\\frac{1}{3}", "0.333333333333333"),
    ("x^2+1", "(x^2+1)(y/y)"),
    ("50\\%", "0.5"),
    ("2e-3", "e-3"),
    ("\\infty", "-\\infty"),
)


@pytest.mark.parametrize(("wanted", "answer"), EQUAL)
def test_equal_expressions_match_in_either_order(wanted: str, answer: str) -> None:
    assert score(f"Answer: ${answer}$", gold(wanted)).reason is Reason.MATCH
    assert score(f"Answer: ${wanted}$", gold(answer)).reason is Reason.MATCH


@pytest.mark.parametrize(("wanted", "answer"), DIFFERENT)
def test_different_expressions_are_wrong(wanted: str, answer: str) -> None:
    assert score(f"Answer: ${answer}$", gold(wanted)).reason is Reason.WRONG_VALUE


@contextmanager
def busy_threads(count: int) -> Iterator[None]:
    stop = threading.Event()

    def spin() -> None:
        while not stop.is_set():
            sum(range(1_000))

    threads = [threading.Thread(target=spin) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_verdict_never_flips_under_load() -> None:
    pairs = [(pair, Reason.MATCH) for pair in EQUAL]
    pairs += [(pair, Reason.WRONG_VALUE) for pair in DIFFERENT]
    with busy_threads(4):
        for _ in range(25):
            evaluate.cache_clear()
            for (wanted, answer), reason in pairs:
                assert score(f"Answer: ${answer}$", gold(wanted)).reason is reason


def test_no_module_of_the_reward_can_ask_a_clock_or_another_process() -> None:
    """What a verdict cannot see it cannot depend on."""
    folder = Path(wsrl_assets.reward.__file__).parent
    imported = {
        name.name.split(".")[0]
        for module in folder.glob("*.py")
        for node in ast.walk(ast.parse(module.read_text("utf-8")))
        if isinstance(node, ast.Import)
        for name in node.names
    }
    assert not imported & {"time", "signal", "subprocess", "multiprocessing", "selectors", "random"}


NAMES = st.sampled_from("abxyz")
POLYNOMIALS = st.recursive(
    NAMES | st.integers(0, 9).map(str),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda two: f"({two[0]}+{two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}-{two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]} \\cdot {two[1]})"),
        st.tuples(inner, st.integers(1, 3)).map(lambda two: f"({two[0]}+1)^{{{two[1]}}}"),
    ),
    max_leaves=8,
)


@settings(max_examples=200)
@given(POLYNOMIALS, POLYNOMIALS, POLYNOMIALS)
def test_algebra_holds_and_a_difference_is_seen(a: str, b: str, c: str) -> None:
    def verdict(wanted: str, found: str) -> bool | None:
        one, other = read_expression(wanted), read_expression(found)
        assert one is not None
        assert other is not None
        return same(one, other)

    assert verdict(f"({a})(({b})+({c}))", f"({c})({a})+({b})({a})")
    assert verdict(f"q+{a}+{b}=0", f"-2({a})-2({b})-2q=0")
    assert verdict(f"\\{{{a},{b}\\}}", f"\\{{{b},{a}\\}}")
    assert verdict(f"({a})+1", f"{a}") is False
    assert verdict(f"\\sqrt{{({a})^2+1}}", f"\\sqrt{{1+({a})^2}}")


@settings(max_examples=200)
@given(st.text("0123456789.xyei+-*/^_(){}[]<>=,;!|\\ abfrcsqtndlgpmu%", max_size=60))
def test_any_text_is_read_within_bounds_and_gets_one_verdict(text: str) -> None:
    first = score(f"Answer: {text}", gold("x^2+1"))
    evaluate.cache_clear()
    assert score(f"Answer: {text}", gold("x^2+1")) == first


@pytest.mark.parametrize(
    "text",
    [
        "9^{9^{9}}",
        "(" * 30 + "x" + ")" * 30,
        "\\sum_{k=1}^{n} k",
        "5\\text{ km}",
        "1000!",
        "x" * 300,
        "(x",
        "x)(",
        "",
        "x > 3",
        "(1, 2)",
        "\\{1\\}",
        "1/0",
        "x!",
        "+",
        "\\pm 2",
        "0^0",
    ],
)
def test_what_is_outside_the_grammar_or_the_bounds_has_no_value(text: str) -> None:
    expression = read_expression(text)
    if expression is not None and evaluation.is_bounded(expression.tokens):
        assert evaluate(expression.tokens, HERE) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("\\frac{1}{2}", "1/2"),
        ("2^{10}", "1024"),
        ("-2^2", "-4"),
        ("2^{-1}", "1/2"),
        ("5!", "120"),
        ("|-3|", "3"),
        ("1/2/2", "1/4"),
        ("2(3+4)", "14"),
        ("50\\%", "1/2"),
        ("3 - -2", "5"),
        ("\\binom{5}{2}", "10"),
        ("1234567890123456789", "1234567890123456789"),
    ],
)
def test_fractions_are_exact(text: str, value: str) -> None:
    assert value_of(text) == Fraction(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("\\sqrt{16}", 4),
        ("\\sqrt[3]{27}", 3),
        ("\\sin^2(1) + \\cos^2(1)", 1),
        ("\\log_2 8", 3),
        ("\\log 100", 2),
        ("4\\tan^{-1}(1)/\\pi", 1),
    ],
)
def test_functions_are_known_to_many_digits(text: str, value: int) -> None:
    found = value_of(text)
    assert isinstance(found, Ball)
    assert evaluation.agree(found, Fraction(value)) is True


FUNCTIONS = {
    balls.exponential: mpmath.exp,
    balls.logarithm: mpmath.log,
    balls.square_root: mpmath.sqrt,
    balls.sine: mpmath.sin,
    balls.cosine: mpmath.cos,
    balls.tangent: mpmath.tan,
    balls.arc_sine: mpmath.asin,
    balls.arc_cosine: mpmath.acos,
    balls.arc_tangent: mpmath.atan,
    balls.hyperbolic_sine: mpmath.sinh,
    balls.hyperbolic_cosine: mpmath.cosh,
    balls.hyperbolic_tangent: mpmath.tanh,
}
PARTS = st.fractions(-9, 9, max_denominator=1_000).filter(lambda part: part != 0)


@settings(max_examples=100)
@given(PARTS, st.just(Fraction(0)) | PARTS, st.sampled_from(list(FUNCTIONS)))
def test_the_true_value_is_within_the_error_of_a_ball(
    re: Fraction, im: Fraction, function: object
) -> None:
    """Against another implementation, with twice the digits. Two sides of a cut are both right."""
    with mpmath.workdps(100), localcontext(balls.PRECISION):
        try:
            found = function(Ball.of(re) + Ball.of(im) * balls.UNIT_I)  # type: ignore[operator]
        except balls.NoValueError:
            return
        z = mpmath.mpc(
            mpmath.mpf(re.numerator) / re.denominator, mpmath.mpf(im.numerator) / im.denominator
        )
        true = FUNCTIONS[function](z)  # type: ignore[index]
        mirrored = mpmath.mpc(true.real, -true.imag)
        ours = mpmath.mpc(str(found.re), str(found.im))
        error = mpmath.mpf(str(found.error))
        off = abs(ours - true) if im else min(abs(ours - true), abs(ours - mirrored))
        assert off <= error
        assert error < mpmath.mpf("1e-20") * max(1, abs(true))


# The sine of a number of 49 digits: of the fifty that are known none is left.
OBSCURE = (
    "\\sin(10^{49}\\pi + x)",
    "9^{9^{9}}",
    "+".join(["x^{y}"] * 30),
    "+".join("x" * 150),
)


@pytest.mark.parametrize("obscure", OBSCURE)
def test_against_a_gold_beyond_the_bounds_another_answer_is_undecided(obscure: str) -> None:
    assert score(f"Answer: ${obscure}$", gold(obscure)).reason is Reason.MATCH
    other = score("Answer: $\\frac{n+x+y}{2}$", gold(f"{obscure}+n+x+y"))
    assert (other.value, other.reason, other.decided) == (0, Reason.UNDECIDED, False)


@pytest.mark.parametrize("unknown", ["\\sum_{k=1}^{n} k", "\\text{no solution}", "\\mathbb{R}"])
def test_a_gold_outside_the_grammar_is_equal_to_the_same_text_only(unknown: str) -> None:
    assert score(f"Answer: ${unknown}$", gold(unknown)).reason is Reason.MATCH
    assert score("Answer: $\\frac{n}{2}$", gold(unknown)).reason is Reason.WRONG_VALUE


@pytest.mark.parametrize("obscure", OBSCURE)
def test_an_obscure_answer_does_not_escape_its_zero(obscure: str) -> None:
    assert score(f"Answer: ${obscure}$", gold("x+y+n+k")).reason is Reason.WRONG_VALUE
