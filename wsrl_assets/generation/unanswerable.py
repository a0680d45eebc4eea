"""The form `unanswerable`: what a document's kin answers and the document does not.

The kin is the document of the domain that shares the most telling names with it, another passage of
its source included. The model asks of the kin, so the question is a real one, with an answer that
can be held against a text; that the document lacks it is checked afterwards. A document without kin
costs no call.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

from wsrl_assets.generation.distractors import PoolDocument
from wsrl_assets.generation.form_examples import unanswerable_examples
from wsrl_assets.generation.layouts import OPEN_TYPES, PAIR_SCHEMA, PairReply
from wsrl_assets.generation.spans import names_in
from wsrl_assets.llm.prompting import Message, document_first, for_persona, load_prompt
from wsrl_assets.llm.schemas import Schema, closed, text
from wsrl_assets.storage.basis import KinAnswer
from wsrl_assets.text.normalisation import one_line

VERSION = "1"
PROMPT = load_prompt("unanswerable")
MAX_TOKENS = 360
# A name in more than this share of the documents tells nothing of a document.
_COMMON_SHARE = 0.1


class UnanswerableReply(PairReply):
    """What the model returns."""

    shared: str = Field(min_length=1, max_length=80)
    evidence: str = Field(max_length=400)

    def basis(self, kin: "Kin") -> KinAnswer:
        """What the abstention rests on."""
        return KinAnswer(
            kin=kin.doc_id,
            shared=one_line(self.shared) or self.shared,
            answer=one_line(self.answer),
            answer_type=self.answer_type,
            unit=one_line(self.unit or "") or None,
            quote=self.evidence.strip(),
        )


@dataclass(frozen=True, slots=True)
class Kin:
    """The document that is asked of."""

    doc_id: str
    text: str


class Kinship:
    """The nearest kin of each of some documents, by the names that both have and few others."""

    def __init__(self, documents: Sequence[PoolDocument] = ()) -> None:
        self._documents = documents
        self._names = [names_in(document.text) for document in documents]
        self._number = {document.doc_id: n for n, document in enumerate(documents)}
        self._holders: dict[str, list[int]] = defaultdict(list)
        for number, names in enumerate(self._names):
            for name in names:
                self._holders[name].append(number)

    def kin_of(self, doc_id: str) -> Kin | None:
        """The nearest kin of a document; none where it shares no telling name with another."""
        here = self._number.get(doc_id)
        if here is None:
            return None
        most = max(2, int(_COMMON_SHARE * len(self._documents)))
        weights: dict[int, float] = defaultdict(float)
        for name in sorted(self._names[here]):
            holders = self._holders[name]
            if len(holders) <= most:
                for number in holders:
                    weights[number] += math.log(1 + len(self._documents) / len(holders))
        weights.pop(here, None)
        if not weights:
            return None
        nearest = min(weights, key=lambda n: (-weights[n], self._documents[n].doc_id))
        return Kin(self._documents[nearest].doc_id, self._documents[nearest].text)


def unanswerable_messages(document: str, kin: Kin, persona: str | None) -> list[Message]:
    """The call for one question, asked by `persona` if there is one."""
    instruction = for_persona(
        PROMPT,
        persona,
        answer_types=list(OPEN_TYPES),
        examples=unanswerable_examples(),
        second=kin.text,
    )
    return document_first(document, instruction)


def unanswerable_schema() -> Schema:
    """The schema of a reply."""
    return closed({"shared": text(80, 1), "evidence": text(400, 1), **PAIR_SCHEMA})
