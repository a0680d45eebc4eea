"""The drafting call of an open question in each layout: messages, schema and how to read a reply.

Document first, the prompt shares its prefix with every other call on the document. In turns, the
demonstrations come before it as a chat, and a reminder after it: a small model then neither copies
them nor takes the instruction for its text. These share their prefix with other documents of
the domain, as long as they show the same demonstrations, so those are drawn from few sets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from wsrl_assets.generation import answer_first, cloze
from wsrl_assets.generation.form_examples import examples_digest
from wsrl_assets.generation.library import Demonstration, LibraryFile, pick_examples
from wsrl_assets.generation.sentences import Sentence, all_sentences, with_numbers
from wsrl_assets.llm.errors import RowError
from wsrl_assets.llm.prompting import (
    Message,
    Prompt,
    document_first,
    for_persona,
    in_turns,
    load_prompt,
)
from wsrl_assets.llm.schemas import Schema, closed, number_up_to, one_of, text
from wsrl_assets.reward import AnswerType
from wsrl_assets.taxonomy.layouts import LAYOUTS, Layout, LayoutSpec
from wsrl_assets.text.normalisation import stable_hash

OPEN_PROMPT = load_prompt("open")
TASK_PROMPT = load_prompt("open_task")
REQUEST_PROMPT = load_prompt("open_request")
# Sets of demonstrations of a domain: each is read once by a server with prefix caching.
_EXAMPLE_SETS = 4
# More than this is no evidence but a document.
_MOST_SENTENCES = 3

# Yes/no questions can be guessed, and multiple choice is a form of its own.
OPEN_TYPES = tuple(t for t in AnswerType if t not in (AnswerType.YES_NO, AnswerType.CHOICE))


class PairReply(BaseModel):
    """What replies hold in which the model writes question and answer."""

    model_config = ConfigDict(extra="forbid")

    answer: str = Field(max_length=100)
    answer_type: AnswerType
    unit: str | None = Field(default=None, max_length=24)
    question: str = Field(max_length=400)


UNIT_SCHEMA: Schema = {"anyOf": [text(24), {"type": "null"}]}
QUESTION_SCHEMA = text(400, 10)
PAIR_SCHEMA: Schema = {
    "answer": text(100, 1),
    "answer_type": one_of(OPEN_TYPES),
    "unit": UNIT_SCHEMA,
    "question": QUESTION_SCHEMA,
}
"""The properties of a `PairReply`: the question last, when all it rests on is written."""


class OpenReply(PairReply):
    """What the model returns for an open question: first what it rests on, last the question."""

    evidence: str = Field(max_length=400)


class NumberedReply(PairReply):
    """The same, with the evidence as the numbers of its first and last sentence."""

    evidence: list[int] = Field(min_length=1, max_length=_MOST_SENTENCES)


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call for one open question.

    Attributes:
        messages, reply_type, schema: what is sent.
        document: what the question is about.
        sentences: of the document, in the order of their numbers; none where they have none.
    """

    messages: list[Message]
    reply_type: type[OpenReply] | type[NumberedReply]
    schema: Mapping[str, object]
    document: str
    sentences: Sequence[Sentence] = ()

    def evidence(self, reply: OpenReply | NumberedReply) -> str:
        """The quote that a reply rests on.

        Raises:
            RowError: its numbers are of no sentences that stand together.
        """
        if isinstance(reply, OpenReply):
            return reply.evidence.strip()
        first, last = min(reply.evidence), max(reply.evidence)
        known = first >= 1 and last <= len(self.sentences)
        if not known or last - first >= _MOST_SENTENCES:
            raise RowError("invalid_reply", f"{reply.evidence} are no sentences of one quote")
        return self.document[self.sentences[first - 1].start : self.sentences[last - 1].end]


def open_call(
    layout: Layout, document: str, doc_id: str, persona: str | None, library: LibraryFile
) -> OpenCall:
    """The call for one question, asked by `persona` if there is one, in a layout other than
    `answer_first`, whose call is that of an answer.
    """
    spec = LAYOUTS[layout]
    if spec.in_turns:
        return _in_turns(spec, document, doc_id, persona, library)
    instruction = for_persona(
        OPEN_PROMPT,
        persona,
        answer_types=list(OPEN_TYPES),
        examples=pick_examples(library, spec.examples, doc_id),
    )
    messages = document_first(document, instruction)
    return OpenCall(messages, OpenReply, _schema(_QUOTE), document)


def prompts_of(layout: Layout) -> tuple[Prompt, ...]:
    """The prompts that a layout is made of."""
    if layout is Layout.ANSWER_FIRST:
        return answer_first.PROMPTS
    return (TASK_PROMPT, REQUEST_PROMPT) if LAYOUTS[layout].in_turns else (OPEN_PROMPT,)


def layout_settings(layout: Layout, demonstrations: str) -> dict[str, object]:
    """What of a layout goes into the recipe; its name where it is not the one that all once had.

    `demonstrations` is the digest of the domain's, which a layout with its own does not show.
    """
    named = {} if layout is Layout.DOCUMENT_FIRST else {"layout": str(layout)}
    if layout is Layout.ANSWER_FIRST:
        return {**named, "rules": cloze.VERSION, "demonstrations": examples_digest(layout)}
    return {**named, "demonstrations": demonstrations, "examples": LAYOUTS[layout].examples}


def layout_of(recipe: Mapping[str, object]) -> Layout:
    """The layout that a recipe names."""
    return Layout(str(recipe.get("layout", Layout.DOCUMENT_FIRST)))


def _in_turns(
    spec: LayoutSpec, document: str, doc_id: str, persona: str | None, library: LibraryFile
) -> OpenCall:
    drawn = str(int(stable_hash(doc_id), 16) % _EXAMPLE_SETS)
    examples = pick_examples(library, spec.examples, drawn)
    task = TASK_PROMPT.render(numbered=spec.numbered, answer_types=list(OPEN_TYPES))
    shown = [
        _turn(example, numbered=spec.numbered, named=persona is not None) for example in examples
    ]
    request = for_persona(REQUEST_PROMPT, persona, last=True)
    if not spec.numbered:
        messages = in_turns(task, shown, document, request)
        return OpenCall(messages, OpenReply, _schema(_QUOTE), document)
    sentences = all_sentences(document)
    messages = in_turns(task, shown, with_numbers(sentences), request)
    return OpenCall(messages, NumberedReply, _schema(_numbers(len(sentences))), document, sentences)


def _turn(example: Demonstration, *, numbered: bool, named: bool) -> tuple[str, str, str]:
    """Document, request and reply of a demonstration."""
    request = for_persona(REQUEST_PROMPT, example.persona if named else None, last=False)
    if not numbered:
        return example.passage, request, example.reply_with(example.evidence)
    sentences = all_sentences(example.passage)
    reply = example.reply_with(_numbers_of(example, sentences))
    return with_numbers(sentences), request, reply


def _numbers_of(example: Demonstration, sentences: Sequence[Sentence]) -> list[int]:
    """The numbers of the first and the last sentence that the evidence touches, one if the same."""
    start = example.passage.index(example.evidence)
    end = start + len(example.evidence)
    touched = [n for n, s in enumerate(sentences, 1) if s.start < end and start < s.end]
    return sorted({touched[0], touched[-1]})


_QUOTE = text(400)


def _numbers(sentences: int) -> Schema:
    return {"type": "array", "items": number_up_to(sentences), "minItems": 1, "maxItems": 2}


def _schema(evidence: Schema) -> Schema:
    return closed({"evidence": evidence, **PAIR_SCHEMA})
