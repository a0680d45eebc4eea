"""The form `multi_hop`: two facts of a document that are joined by something the question hides."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

from wsrl_assets.generation.form_examples import multi_hop_examples
from wsrl_assets.generation.layouts import OPEN_TYPES, PAIR_SCHEMA, PairReply
from wsrl_assets.generation.sentences import Sentence, all_sentences, with_numbers
from wsrl_assets.llm.errors import RowError
from wsrl_assets.llm.prompting import Message, document_first, for_persona, load_prompt
from wsrl_assets.llm.schemas import Schema, closed, number_up_to, text
from wsrl_assets.storage.basis import Hops
from wsrl_assets.text.normalisation import one_line

PROMPT = load_prompt("multi_hop")
MAX_TOKENS = 280


class MultiHopReply(PairReply):
    """What the model returns."""

    bridge: str = Field(min_length=1, max_length=80)
    first: int
    second: int


@dataclass(frozen=True, slots=True)
class MultiHopCall:
    """A call for one question of two facts: what is sent, and how to read what comes back."""

    messages: list[Message]
    schema: Schema
    document: str
    sentences: Sequence[Sentence]

    def hops(self, reply: MultiHopReply) -> Hops:
        """The two facts of a reply, as places in the document.

        Raises:
            RowError: a number is of no sentence, or both are the same.
        """
        known = range(1, len(self.sentences) + 1)
        if reply.first not in known or reply.second not in known or reply.first == reply.second:
            numbers = f"{reply.first} and {reply.second}"
            raise RowError("invalid_reply", f"{numbers} are not two sentences of the document")
        first, second = (self.sentences[number - 1] for number in (reply.first, reply.second))
        return Hops(
            bridge=one_line(reply.bridge) or reply.bridge,
            first=(first.start, first.end),
            second=(second.start, second.end),
        )

    def evidence(self, hops: Hops) -> str:
        """The document from one fact to the other."""
        places = (*hops.first, *hops.second)
        return self.document[min(places) : max(places)]


def multi_hop_call(document: str, persona: str | None) -> MultiHopCall:
    """The call for one question of two facts, asked by `persona` if there is one."""
    sentences = all_sentences(document)
    instruction = for_persona(
        PROMPT, persona, answer_types=list(OPEN_TYPES), examples=multi_hop_examples()
    )
    messages = document_first(with_numbers(sentences), instruction)
    return MultiHopCall(messages, _schema(len(sentences)), document, sentences)


def _schema(sentences: int) -> Schema:
    number = number_up_to(sentences)
    return closed({"bridge": text(80, 1), "first": number, "second": number, **PAIR_SCHEMA})
