"""Code literals: spaces between tokens do not count, everything in a string does, and so does case.

`f(a, b)` is `f(a,b)`; `returnx` is not `return x`, `a - -b` is not `a--b`. Over several lines the
line breaks and the nesting of the indentation count, since in some languages they are the code.
Quote marks are part of the code: `'a'` is not `"a"`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .gold import Gold
from .kind import Rule, not_of_type
from .outcome import Reason
from .vocabulary import word_set

MAX_LENGTH = 2_000

_FENCE = re.compile(r"\s*```[\w+#.-]*[ \t]*\n(.*?)\n?[ \t]*```\s*", re.DOTALL)
_TYPESET = re.compile(r"\$?\\(?:texttt|mathtt|text)\{([^{}]*)\}\$?")
_PROMPT = re.compile(
    r"(?:\$|>>>|>|[\w.-]+@[\w.-]+:[^$#\n]{0,40}[$#]|PS [^>\n]{0,60}>|[A-Z]:\\[^>\n]{0,60}>"
    r"|In \[\d+\]:) +(?=\S)"
)
_ESCAPED = re.compile(r"\\([_%#&${}])")
_COMMAND = re.compile(r"\\(?:texttt|mathtt|text|verb|mathrm|boxed) ?\{(.*)\}", re.DOTALL)
_DECORATED = re.compile(
    r"<(?:code|kbd|tt|samp)>([^<>]*)</(?:code|kbd|tt|samp)>|\*{1,3}([^\s*](?:[^*]*[^\s*])?)\*{1,3}",
    re.IGNORECASE,
)
_TOKEN = re.compile(
    r'(?P<string>"""[\s\S]*?"""|\'\'\'[\s\S]*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    r"|`[^`]*`)"
    r"|(?P<line>\n[ \t]*)|(?P<space>[ \t\u00a0]+)|(?P<word>\w+)|(?P<other>.)"
)
# Pairs that mean something else when nothing stands between them.
_SHELL_PREFIXES = frozenset("-/.~@")
_FUSED = word_set(
    """
    ++ -- ** // << >> == != <= >= && || :: -> => += -= *= /= %= &= |= ^= .. ?? ?. := =~ <>
    ~= !~ /* */ |> <| <- @= ==
    """
)


def tokens(text: str) -> tuple[str, ...]:
    """What counts in the code, in order; `text` may be fenced or in backticks."""
    found: list[str] = []
    indents = [0]
    pending_space = False
    for match in _TOKEN.finditer(unfenced(text)):
        kind, token = match.lastgroup, match[0]
        if kind == "space":
            pending_space = True
            continue
        if kind == "line":
            pending_space = False
            _start_line(found, token)
            continue
        if found and found[-1].startswith("\n"):
            found[-1] = f"\n{_level(indents, len(found[-1]) - 1)}"
        elif pending_space and found and _needs_space(found[-1], token, match):
            found.append(" ")
        pending_space = False
        found.append(token)
    while found and found[-1].startswith("\n"):
        found.pop()
    return tuple(found)


def _start_line(found: list[str], token: str) -> None:
    """Keep one break, the last of several, with the width of its indentation for now."""
    break_and_width = "\n" + " " * len(token[1:].expandtabs(4))
    if not found:
        return
    if found[-1].startswith("\n"):
        found[-1] = break_and_width
    else:
        found.append(break_and_width)


def _level(indents: list[int], width: int) -> int:
    """How deeply a line is nested, whatever the width of one step."""
    while len(indents) > 1 and indents[-1] > width:
        indents.pop()
    if width > indents[-1]:
        indents.append(width)
    return len(indents) - 1


def _needs_space(last: str, token: str, match: re.Match[str]) -> bool:
    """Whether the space between two tokens keeps them from being something else."""
    if _is_word(last[-1]) and _is_word(token[0]):
        return True
    if last[-1] + token[0] in _FUSED:
        return True
    # `commit -m` and `cd /tmp` are two words of a shell, `a - m` and `a / tmp` are sums.
    stands_free = match.string[match.end() : match.end() + 1].isspace()
    return token in _SHELL_PREFIXES and _is_word(last[-1]) and not stands_free


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def unfenced(text: str) -> str:
    """The code without the fence or the backticks around all of it, and without outer indent."""
    fenced = _FENCE.fullmatch(text)
    if fenced:
        return _dedent(fenced[1])
    text = text.strip()
    typeset = _TYPESET.fullmatch(text)
    if typeset:
        return typeset[1].replace("\\_", "_").strip()
    for opening in ("``", "`", "**`"):
        closing = opening[::-1]
        bare = text.removesuffix(".") if text.endswith(closing + ".") else text
        inner = bare[len(opening) : -len(closing)]
        if bare.startswith(opening) and bare.endswith(closing) and inner and "`" not in inner:
            return inner.strip()
    return _dedent(text)


def _dedent(text: str) -> str:
    """Without the margin that all lines share; tabs count only where a line begins."""
    lines = [_with_spaces(line) for line in text.strip("\n").split("\n")]
    widths = [len(line) - len(line.lstrip(" ")) for line in lines if line.strip()]
    margin = min(widths, default=0)
    return "\n".join(line[margin:] for line in lines)


def _with_spaces(line: str) -> str:
    code = line.lstrip(" \t")
    return line[: len(line) - len(code)].expandtabs(4) + code


def compile_rule(gold: Gold) -> Rule:
    wanted = _read_gold(gold.value)

    def judge(answer: str) -> Reason:
        if len(answer) > MAX_LENGTH:
            return Reason.TOO_LONG
        found = tokens(answer)
        if found == wanted or (found[-1:] == (".",) and _is_sentence(found, wanted)):
            return Reason.MATCH
        if any(tokens(form) == wanted for form in _other_forms(answer)):
            return Reason.MATCH
        return Reason.WRONG_VALUE if found else Reason.NOT_OF_TYPE

    return judge


def _other_forms(answer: str) -> Iterator[str]:
    """The code without a shell's prompt, LaTeX's escapes, or a tag or emphasis around it."""
    bare = unfenced(answer)
    if _PROMPT.match(bare):
        yield _PROMPT.sub("", bare)
    if "\\" in bare:
        yield _ESCAPED.sub(r"\1", _COMMAND.sub(r"\1", bare))
    decorated = _DECORATED.fullmatch(bare)
    if decorated is not None:
        yield decorated[1] or decorated[2]


def _is_sentence(found: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """A full stop after the code ends the sentence; after a number it makes another number."""
    return found[:-1] == wanted and not wanted[-1][-1].isdigit()


def _read_gold(value: str) -> tuple[str, ...]:
    if len(value) > MAX_LENGTH:
        raise not_of_type(value, "a code literal", f"it is longer than {MAX_LENGTH} characters")
    found = tokens(value)
    if not found:
        raise not_of_type(value, "a code literal", "it is empty")
    return found


def canonical(draft: Gold) -> Gold:
    _read_gold(draft.value)
    return draft


def render(gold: Gold) -> str:
    _read_gold(gold.value)
    bare = unfenced(gold.value)
    if "\n" in bare:
        return f"```\n{bare}\n```"
    return bare if "`" in bare else f"`{bare}`"


def perturb(gold: Gold) -> Iterator[str]:
    bare = unfenced(gold.value)
    yield f"not {bare}"
    yield f"{bare} or so"
    if bare.swapcase() != bare:
        yield bare.swapcase()
    yield f"{bare}{bare}" if len(bare) < MAX_LENGTH // 2 else bare[: MAX_LENGTH // 2]
    yield f"{bare} + 1"
    yield f"x{bare}"
    yield f"({bare}, {bare})" if len(bare) < MAX_LENGTH // 3 else "()"
