"""The process that `math_process` runs: reads pairs of expressions, says whether they are equal.

One JSON array `[gold, answer, limit in s]` a line in; `equal`, `different` or `stopped` a line
out. It is run by its path and imports nothing of the package.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
from types import FrameType
from typing import Any

_MEMORY_LIMIT = 4 << 30
_WARM_UP = (
    ("\\frac{1}{2}", "0.5"),
    ("(x+1)^{2}", "x^{2}+2x+1"),
    ("\\sqrt{8}", "2\\sqrt{2}"),
    ("\\sin(x)", "\\cos(x)"),
    ("(1,2)", "(1,3)"),
    ("\\frac{1}{a}+\\frac{1}{b}", "\\frac{a+b}{ab}"),
    ("\\sin(a)^{2}", "1-\\cos(a)^{2}"),
    ("\\sin(2a)", "2\\sin(a)\\cos(a)"),
    ("e^{a}", "\\sqrt{e^{2a}}"),
    ("2^{a}", "\\exp(a\\ln(2))"),
    ("a>3", "a-3>0"),
    ("[0,1)", "[0,2)"),
    ("a^{2}=b", "b=a^{2}"),
    ("\\{1,2\\}", "\\{2,1\\}"),
)


class OutOfTime(BaseException):
    """Not an Exception: math-verify catches those."""


def main() -> None:
    _limit_memory()
    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGPROF, _stop)
    for gold, answer in _WARM_UP:
        _are_equal(gold, answer)
    _say("ready")
    for line in sys.stdin:
        gold, answer, cpu_limit_s = json.loads(line)
        _say(_judge(gold, answer, cpu_limit_s))


def _judge(gold: str, answer: str, cpu_limit_s: float) -> str:
    try:
        signal.setitimer(signal.ITIMER_PROF, cpu_limit_s)
        try:
            equal = _are_equal(gold, answer)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    except (Exception, OutOfTime, MemoryError, RecursionError):
        return "stopped"
    return "equal" if equal else "different"


def _are_equal(gold: str, answer: str) -> bool:
    from math_verify import verify

    first, second = _parse(gold), _parse(answer)
    if not first or not second:
        return False
    return bool(verify(first, second, float_rounding=12, timeout_seconds=None))


def _parse(text: str) -> list[Any]:
    from math_verify import LatexExtractionConfig, parse

    found: list[Any] = parse(
        f"${text}$",
        extraction_config=[LatexExtractionConfig()],
        fallback_mode="no_fallback",
        parsing_timeout=None,
    )
    return found


def _stop(signum: int, frame: FrameType | None) -> None:
    raise OutOfTime


def _limit_memory() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_LIMIT, _MEMORY_LIMIT))
    except (ImportError, ValueError, OSError):
        # A bound on top of the screen and the clock; not every platform has it.
        return


def _say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
