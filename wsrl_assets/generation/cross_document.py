"""The form `cross_document`: two facts of two documents, joined by a name that the question hides.

The document gives the answer; its partner, another document of the domain, leads to the name. Which
documents are partners, and by which name, is known by rule (`bridges.sql`, then `partners_of`): a
name of two words at least, since one word is often two things, that few sources of the domain hold.
A document without a partner costs no call.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wsrl_assets.generation.form_examples import cross_document_examples
from wsrl_assets.generation.layouts import OPEN_TYPES, PAIR_SCHEMA, PairReply
from wsrl_assets.generation.sentences import Sentence, all_sentences, with_numbers
from wsrl_assets.llm.errors import RowError
from wsrl_assets.llm.prompting import Message, document_first, for_persona, load_prompt
from wsrl_assets.llm.schemas import Schema, closed, one_number_of
from wsrl_assets.storage.basis import CrossHops, partner_start
from wsrl_assets.text.normalisation import words

VERSION = "1"
PROMPT = load_prompt("cross_document")
MAX_TOKENS = 280
PARTNERS = 2
"""How many partners a document has, and of how many documents it is one."""
# Texts that share more of their runs of words are copies, or one quotes the other.
_MAX_SHARED = 0.1
_RUN_WORDS = 8


class CrossDocumentReply(PairReply):
    """What the model returns."""

    first: int
    second: int


@dataclass(frozen=True, slots=True)
class Partner:
    """Another document, and the name that joins it to this one."""

    doc_id: str
    text: str
    bridge: str


@dataclass(frozen=True, slots=True)
class CrossDocumentCall:
    """A call for one question of two documents: what is sent, and how to read what comes back."""

    messages: list[Message]
    schema: Schema
    document: str
    partner: Partner
    leading: dict[int, Sentence]
    telling: dict[int, Sentence]

    def hops(self, reply: CrossDocumentReply) -> CrossHops:
        """The two facts of a reply, as places in the two texts one after the other.

        Raises:
            RowError: a number is of no sentence that names the bridge.
        """
        if reply.first not in self.leading or reply.second not in self.telling:
            numbers = f"{reply.first} of the second text, {reply.second} of the document"
            raise RowError("invalid_reply", f"{numbers}: no sentences that name the bridge")
        first, second = self.leading[reply.first], self.telling[reply.second]
        begin = partner_start(self.document)
        return CrossHops(
            kin=self.partner.doc_id,
            bridge=self.partner.bridge,
            first=(begin + first.start, begin + first.end),
            second=(second.start, second.end),
        )

    def evidence(self, hops: CrossHops) -> str:
        """The sentence of the document that gives the answer."""
        return self.document[slice(*hops.second)]


def cross_document_call(document: str, partner: Partner, persona: str | None) -> CrossDocumentCall:
    """The call for one question of two documents, asked by `persona` if there is one."""
    here, there = all_sentences(document), all_sentences(partner.text)
    telling, leading = _naming(partner.bridge, here), _naming(partner.bridge, there)
    instruction = for_persona(
        PROMPT,
        persona,
        answer_types=list(OPEN_TYPES),
        examples=cross_document_examples(),
        second_text=with_numbers(there),
        bridge=partner.bridge,
        leading=list(leading),
        telling=list(telling),
    )
    schema = closed(
        {"first": one_number_of(leading), "second": one_number_of(telling), **PAIR_SCHEMA}
    )
    messages = document_first(with_numbers(here), instruction)
    return CrossDocumentCall(messages, schema, document, partner, leading, telling)


def partners_of(document: str, candidates: Iterable[Partner]) -> list[Partner]:
    """Those of some candidates, best first, that can be partners of a document.

    Both name the bridge in a sentence, and the texts are no near-duplicates: neither quotes the
    other at length.
    """
    runs = _runs(document)
    fit: list[Partner] = []
    for partner in candidates:
        named = all(_naming(partner.bridge, all_sentences(t)) for t in (document, partner.text))
        if named and not _overlaps(runs, _runs(partner.text)):
            fit.append(partner)
        if len(fit) == PARTNERS:
            break
    return fit


def _naming(bridge: str, sentences: Sequence[Sentence]) -> dict[int, Sentence]:
    """The sentences that name the bridge, by their numbers."""
    name = f" {' '.join(words(bridge))} "
    return {n: s for n, s in enumerate(sentences, 1) if name in f" {' '.join(words(s.text))} "}


def _runs(text: str) -> set[tuple[str, ...]]:
    said = words(text)
    return {tuple(said[at : at + _RUN_WORDS]) for at in range(len(said) - _RUN_WORDS + 1)}


def _overlaps(here: set[tuple[str, ...]], there: set[tuple[str, ...]]) -> bool:
    fewest = min(len(here), len(there))
    return len(here & there) > _MAX_SHARED * fewest
