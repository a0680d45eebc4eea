"""What a rule can tell of an explanation before a judge is asked.

An answer that is empty, too long, that cannot be seen whole, repeats the question, speaks to the
grader, quotes the rubric or contradicts itself is refused without a call. And no judge is asked
whether a fact is said by an answer that shares no telling word with it: so what makes a judge say
yes to anything ("Thought process:", a lone colon, in any language) is never shown to one.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import combinations
from typing import TypeAlias

from .outcome import Reason, SelfTest
from .rubric import Rubric
from .text import has_content, has_control
from .transcripts import said
from .vocabulary import word_set

MAX_ANSWER_CHARS = 4_000
"""Room for some twenty sentences; what is longer is refused whole, not cut."""
MIN_NEW_WORDS = 4
"""Different telling words that the question does not have: fewer explain nothing."""
_STEM = 5
_MIN_LETTERS = 3
_LEAST_SAID = 0.5
_MAX_SENTENCES = 80
_MIN_SHAPE = 2
_Shape: TypeAlias = tuple[tuple[str, ...], tuple[str, ...], bool]
# "It did not erupt" has the words of "it erupted".
_AUXILIARY = word_set("did does do that it is was")
# Function words of three letters and more; shorter words are never telling.
_COMMON = word_set(
    """
    the and for are was were has had have been being that this these those with from into onto over
    than then when where which who whom whose what why how all any both each few more most other
    some such only own same too very can could will would shall should may might must not nor but
    because since while during before after about above below between under again further once here
    there its his her their our your they them she him you one two also does did done out off per
    """
)
# Words to a grader, refused unless question, facts or mistakes have them.
_TO_GRADER = word_set(
    """
    grader graders grading graded rubric rubrics evaluator evaluators verdict verdicts checklist
    scorer jailbreak
    """
)
_PLEA = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b.{0,40}"
    r"\b(?:instruction|prompt|above|previous|prior|rule)"
    r"|(?:^|[.!?:,] |please )(?:reply|respond|output|return|print|say|answer)"
    r"(?: with| only| just| simply)*[ :]{1,2}[\"'“]?(?:yes|true)\b"
    r"|\bth(?:is|e) (?:answer|response|text|explanation) (?:above |here )?(?:is (?:right|correct"
    r"|true|complete|perfect)|says|states|contains|covers|meets|satisfies|includes|mentions|fulfil)"
    r"|\b(?:all|every|each|any) (?:of the )?(?:required|expected|needed|wanted|key)"
    r" (?:fact|point|criteri|statement)"
    r"|\b(?:full|maximum|highest|perfect) (?:mark|score|credit|point|reward)"
    r"|\bdear (?:judge|model|assistant)|\bas (?:a|the) judge\b"
    r"|\"(?:says|verdict|said|must|must_not|fact|reason|score)\" ?:"
    r"|^\W{0,4}(?:system|assistant|user|judge|question|fact|statement|text) ?:",
    re.IGNORECASE | re.MULTILINE,
)
_TEMPLATE = re.compile(r"<\|\w{1,40}\|>|\[/?INST\]")
# Openings that make judges say yes (arXiv 2507.08794), as the telling words that they come to.
_OPENERS = (
    "solution",
    "thought process",
    "let's solve this problem step by step",
    "let's think step by step",
    "let me think about this carefully",
    "here is the answer",
    "the answer is as follows",
    "final answer",
    "respuesta",
    "solución",
    "réponse",
    "lösung",
    "решение",
    "ответ",
    "解",
    "解答",
    "答案",
    "让我们一步一步地解决这个问题",
    "思考过程",
    "かいせつ",
    "解説",
    "풀이",
    "الحل",
    "समाधान",
)
_MARKER = re.compile(
    r"^[\s#*_>-]{0,8}(?:final answer|answer|explanation)\s{0,2}[*_]{0,2}\s?:[*_]{0,2}",
    re.IGNORECASE | re.MULTILINE,
)
_TOKEN = re.compile(r"\d[\d.,]*\d|\d|[^\W\d_]+")
# Scripts without spaces between words: a run of letters is cut in pairs.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_SENTENCE = re.compile(r"(?<=[.!?。！？])\s*|\n+|;\s")
_DENIAL = re.compile(
    r"\b(?:not|never|no|neither|nor|cannot|without)\b|n't\b|\bfalse(?: that)?\b", re.IGNORECASE
)


def explanation_of(response: str) -> str | None:
    """The answer of a response: what follows the last `Answer:` that begins a line, or all of it.

    What is thought is no answer; none where the thought never ends or nothing stands there.
    """
    text = said(response)
    if text is None:
        return None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    marks = list(_MARKER.finditer(text))
    answer = text[marks[-1].end() :] if marks else text
    return answer.strip() if has_content(answer) else None


def refusal(answer: str, rubric: Rubric) -> Reason | None:
    """Why no judge is to see an answer; none if one may."""
    if len(answer) > MAX_ANSWER_CHARS:
        return Reason.TOO_LONG
    if has_control(answer):
        return Reason.MALFORMED
    if _speaks_to_grader(answer, rubric):
        return Reason.TO_THE_GRADER
    if _quotes(answer, rubric):
        return Reason.QUOTES_RUBRIC
    own, asked = telling(_without_openers(answer)), telling(rubric.question)
    if len(own - asked) < MIN_NEW_WORDS:
        return Reason.REPEATS_QUESTION if own & asked else Reason.NO_ANSWER
    return Reason.CONTRADICTS_ITSELF if contradicts_itself(answer) else None


def may_say(answer: str, fact: str, question: str) -> bool:
    """Whether an answer shares a telling word with a fact, besides those of the question."""
    wanted = telling(fact)
    wanted = (wanted - telling(question)) or wanted
    return bool(wanted & telling(answer))


def says_by_rule(answer: str, fact: str, question: str) -> bool:
    """Whether an answer has all figures of a fact, and half of its telling words or more.

    A coarse stand-in for a judge: for the proof of a rubric and for tests, not for scores.
    """
    wanted = (telling(fact) - telling(question)) or telling(fact)
    held = telling(answer)
    figures = {word for word in wanted if word[:1].isdigit()}
    return figures <= held and len(wanted & held) >= _LEAST_SAID * len(wanted)


def telling(text: str) -> frozenset[str]:
    """The words that tell texts apart: figures, and beginnings of words that are not common.

    Lower case, without accents. `1,902` is `1902`; of scripts without spaces, pairs of letters.
    """
    found: set[str] = set()
    for token in _TOKEN.findall(_folded(text)):
        if token[:1].isdigit():
            found.add(token.replace(",", ""))
        elif _UNSPACED.search(token):
            found |= {token[at : at + 2] for at in range(max(1, len(token) - 1))}
        elif len(token) >= _MIN_LETTERS and token not in _COMMON:
            found.add(token[:_STEM])
    return frozenset(found)


def contradicts_itself(answer: str) -> bool:
    """Whether two sentences are the same but for one figure, or for a denial."""
    shapes = [_shape(sentence) for sentence in _SENTENCE.split(answer)[:_MAX_SENTENCES]]
    told = [shape for shape in shapes if len(shape[0]) >= _MIN_SHAPE]
    return any(_contradict(one, other) for one, other in combinations(told, 2))


def self_test_rubric(rubric: Rubric) -> SelfTest:
    """The gold proof by rule: whether the reference can pass, and what says nothing cannot.

    The reference is not refused, and shares a telling word with each fact; nothing, the question
    and a mistake alone are refused or say no fact. That a judge finds each fact in the reference is
    shown where a pair is verified. Never raises.
    """
    fault = refusal(rubric.reference, rubric)
    if fault is not None:
        return SelfTest(ok=False, reason=f"its own reference is refused: {fault}")
    for one in rubric.must:
        if not may_say(rubric.reference, one.fact, rubric.question):
            return SelfTest(ok=False, reason=f'its own reference does not say "{one.fact[:80]}"')
    if refusal(rubric.question, rubric) is None:
        return SelfTest(ok=False, reason="the question alone is not refused")
    for mistake in rubric.must_not:
        if _flat(mistake) in _flat(rubric.reference):
            return SelfTest(ok=False, reason=f'its own reference says "{mistake[:80]}"')
    return SelfTest(ok=True, reason=Reason.FACTS_SAID)


def _speaks_to_grader(answer: str, rubric: Rubric) -> bool:
    own = " ".join((rubric.question, *(one.fact for one in rubric.must), *rubric.must_not))
    spoken = _words(answer) & _TO_GRADER
    if spoken - _words(own) or _TEMPLATE.search(answer):
        return True
    plea = _PLEA.search(answer)
    return plea is not None and plea[0].casefold() not in own.casefold()


def _quotes(answer: str, rubric: Rubric) -> bool:
    """Whether facts and mistakes stand in an answer word for word: that is the rubric, not an
    answer, which has no reason for both."""
    flat = _flat(answer)
    has_mistake = any(_flat(mistake) in flat for mistake in rubric.must_not)
    return has_mistake and any(_flat(one.fact) in flat for one in rubric.must)


def _without_openers(answer: str) -> str:
    """An answer less the openers at its beginning; what is only openers is nothing."""
    flat = _flat(answer)
    for opener in sorted(map(_flat, _OPENERS), key=len, reverse=True):
        flat = flat.removeprefix(opener).strip()
    return flat


def _shape(sentence: str) -> _Shape:
    """The words of a sentence, its figures, and whether it denies."""
    folded = _folded(sentence)
    denies = _DENIAL.search(folded) is not None
    tokens = _TOKEN.findall(_DENIAL.sub(" ", folded))
    figures = tuple(token for token in tokens if token[:1].isdigit())
    words = (t for t in tokens if not t[:1].isdigit() and t not in _AUXILIARY)
    return tuple(word[:_STEM] for word in words), figures, denies


def _contradict(one: _Shape, other: _Shape) -> bool:
    if one[0] != other[0]:
        return False
    if one[2] != other[2]:
        return True
    # Two figures that differ are a second case ("in 1902 it had 5, in 1910 8"), not a second guess.
    return sum(a != b for a, b in zip(one[1], other[1], strict=False)) == 1


def _words(text: str) -> frozenset[str]:
    return frozenset(_TOKEN.findall(_folded(text)))


def _flat(text: str) -> str:
    return " ".join(_TOKEN.findall(_folded(text)))


def _folded(text: str) -> str:
    """Lower case, compatible forms made one, accents off, apostrophes closed up."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    return unicodedata.normalize("NFC", bare).replace("\u2019", "'")
