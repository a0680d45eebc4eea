"""Checks of a question of two facts: both are needed, and what joins them is not named.

The facts are of one document, or each is of a document of its own. Then neither document may
suffice: not the sentence alone is held against the question, but all that the document says.
"""

import re
from dataclasses import dataclass

from wsrl_assets.llm.stage_model import StageModel
from wsrl_assets.reward import Gold
from wsrl_assets.storage.basis import CrossHops, Hops, joined, partner_start
from wsrl_assets.storage.tables import Verdict
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.text.language import Writing
from wsrl_assets.verification.grounding import Evidence, answer_in
from wsrl_assets.verification.instructions import no_order
from wsrl_assets.verification.parts import phrase_in
from wsrl_assets.verification.round_trip import round_trip

# Names and figures, but for the capital that any question begins with.
_TELLING = re.compile(r"(?<=\s)[\"'(]?([A-Z][\w'-]+|\d[\d.,]*\d|\d)")
_WORD = re.compile(r"[^\W\d_][\w'-]+")


def facts_of(basis: str | None, document: str) -> tuple[Hops, str, str] | None:
    """The hops of a draft, and the two sentences; none if its basis is damaged."""
    try:
        hops = Hops.from_json(basis or "")
    except ValueError:
        return None
    first, second = (document[start:end] for start, end in (hops.first, hops.second))
    return hops, first, second


def check_hops(
    basis: str | None, gold: Gold | None, question: str, document: str, writing: Writing
) -> tuple[Verdict, ...]:
    """The verdict `hops`, and `no_shortcut` if that passes.

    Reasons: `no_hops`, `no_bridge` (it is not in both sentences), `answer_not_in_evidence` (the
    second does not give the answer); `bridge_in_question`, `first_fact_suffices` (it gives the
    answer too), `second_fact_suffices` (all names and figures of the question stand in the second,
    so the first is not needed).
    """
    found = facts_of(basis, document)
    if found is None or gold is None:
        return (_no("hops", "no_hops", "its two facts are missing"),)
    hops, first, second = found
    first, second = writing.with_decimal_point(first), writing.with_decimal_point(second)
    if not (phrase_in(hops.bridge, first) and phrase_in(hops.bridge, second)):
        return (_no("hops", "no_bridge", hops.bridge),)
    if not answer_in(second, gold).passed:
        return (_no("hops", "answer_not_in_evidence", gold.value),)
    passed = Verdict("hops", True, detail=hops.bridge)
    return passed, _shortcut(hops.bridge, gold, question, first, (first, second), "fact")


@dataclass(frozen=True, slots=True)
class TwoDocuments:
    """The hops of a question of two documents, with both texts.

    Attributes:
        leading: the text that leads to the bridge.
        telling: the text that gives the answer.
    """

    hops: CrossHops
    leading: str
    telling: str

    @classmethod
    def of(cls, basis: str | None, document: str, kin_text: str) -> "TwoDocuments | None":
        """The case of a draft; none if its basis is damaged, or a fact is not in its document."""
        try:
            hops = CrossHops.from_json(basis or "")
        except ValueError:
            return None
        in_order = (0, *hops.second, len(document), partner_start(document), *hops.first)
        is_whole = list(in_order) == sorted(in_order) and hops.first[1] <= len(
            joined(document, kin_text)
        )
        return cls(hops, kin_text, document) if is_whole else None

    @property
    def first(self) -> str:
        """The sentence that leads to the bridge."""
        return joined(self.telling, self.leading)[slice(*self.hops.first)]

    @property
    def second(self) -> str:
        """The sentence that gives the answer."""
        return self.telling[slice(*self.hops.second)]


def check_two_documents(
    two: TwoDocuments, gold: Gold, question: str, writing: Writing
) -> tuple[Verdict, ...]:
    """The verdicts on the order in the partner's paragraph, `hops`, and `no_shortcut`.

    Reasons: as `check_hops`, but that a whole document must not suffice:
    `first_document_suffices` (it holds the answer, as the answer or in passing) and
    `second_document_suffices` (all names and figures that the question takes from the first fact
    stand in the second document too). A part of the bridge's name in the question gives it away.
    """
    begin = partner_start(two.telling)
    place = Evidence(two.hops.first[0] - begin, two.hops.first[1] - begin)
    ordered = no_order(place, two.leading)
    leading, telling, first, second = map(
        writing.with_decimal_point, (two.leading, two.telling, two.first, two.second)
    )
    bridge = two.hops.bridge
    if not (phrase_in(bridge, first) and phrase_in(bridge, second)):
        return ordered, _no("hops", "no_bridge", bridge)
    if not answer_in(second, gold).passed:
        return ordered, _no("hops", "answer_not_in_evidence", gold.value)
    shortcut = _shortcut(bridge, gold, question, first, (leading, telling), "document")
    given_away = [part for part in _name_parts(bridge) if _is_word_of(part, question)]
    if given_away:
        shortcut = _no("no_shortcut", "bridge_in_question", given_away[0])
    return ordered, Verdict("hops", True, detail=bridge), shortcut


def _name_parts(name: str) -> list[str]:
    return [part for part in _WORD.findall(name) if part[0].isupper()]


def _is_word_of(name: str, question: str) -> bool:
    """As it is written or in capitals; in small letters it may be another word: "will"."""
    written = "|".join(map(re.escape, (name, name.upper())))
    return re.search(rf"(?<!\w)(?:{written})(?!\w)", question) is not None


def _shortcut(
    bridge: str, gold: Gold, question: str, first: str, alone: tuple[str, str], what: str
) -> Verdict:
    """`alone` is what is read if only one is open; the question's description is of `first`."""
    if phrase_in(bridge, question):
        return _no("no_shortcut", "bridge_in_question", bridge)
    if answer_in(alone[0], gold).passed:
        return _no("no_shortcut", f"first_{what}_suffices", gold.value)
    telling = [str(word) for word in _TELLING.findall(question)]
    if not any(phrase_in(word, first) and not phrase_in(word, alone[1]) for word in telling):
        said = f"no name or figure of the question stands in the first {what} alone"
        return _no("no_shortcut", f"second_{what}_suffices", said)
    return Verdict("no_shortcut", True)


async def fails_alone(
    pair_id: str,
    question: str,
    gold: Gold,
    alone: tuple[str, str],
    model: StageModel,
    what: str = "fact",
) -> Verdict:
    """The verdict `fails_alone`: a reader of one fact, who may give up, must not find the answer.

    Reason: `one_fact_suffices`, or `one_document_suffices` where `what` is a document.

    Raises:
        RowError: a call failed.
    """
    for name, text in zip(("first", "second"), alone, strict=True):
        answer, found = await round_trip(
            pair_id, question, gold, text, model, form=Form.UNANSWERABLE
        )
        if found.passed:
            said = f"the {name} {what} alone gives {answer!r}"
            return _no("fails_alone", f"one_{what}_suffices", said)
    return Verdict("fails_alone", True)


def _no(check: str, reason: str, detail: str) -> Verdict:
    return Verdict(check, False, reason, detail[:200])
