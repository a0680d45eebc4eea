"""Open questions in the layout `answer_first`: the answer is found by rule, a model words the rest.

A small model that must choose what to ask, answer it and quote for it seldom gets all three right.
Here `cloze` finds what can be asked for, with its type and its evidence, and the model turns the
statement that holds it into a question. It never sees the document, so the tokens of a draft do
not grow with it. What cannot be blanked out cannot be asked for either.
"""

import re
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from wsrl_assets.generation import cloze
from wsrl_assets.generation.cloze import Candidate
from wsrl_assets.generation.form_examples import AnswerFirstExample, answer_first_examples
from wsrl_assets.llm.prompting import Message, in_turns, load_prompt
from wsrl_assets.llm.schemas import closed, text
from wsrl_assets.text.normalisation import one_line

TASK_PROMPT = load_prompt("answer_first_task")
REQUEST_PROMPT = load_prompt("answer_first_request")
PROMPTS = (TASK_PROMPT, REQUEST_PROMPT)
MAX_TOKENS = 120
_MAX_QUESTION_CHARS = 400
SCHEMA = closed({"question": text(_MAX_QUESTION_CHARS, 10)})
_MARKS = re.compile(r"\s*\?[\s?]*$")


class QuestionReply(BaseModel):
    """What the model returns: the question alone."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(max_length=_MAX_QUESTION_CHARS)


def worded(reply: QuestionReply) -> str:
    """The question on one line, with one question mark: asked for one, small models write two."""
    return _MARKS.sub("?", one_line(reply.question))


def pick(candidates: Sequence[Candidate], persona: str) -> Candidate:
    """What a persona would ask for: the part of the statement that shares most words with it.

    The first of them where several share as many.
    """
    wanted = cloze.telling_words(persona)
    return max(candidates, key=lambda one: len(wanted & cloze.telling_words(one.blanked)))


def messages(candidate: Candidate, title: str | None) -> list[Message]:
    """The call for a question that has this answer; `title` is the document's, if it has one."""
    task = TASK_PROMPT.render()
    shown = [(one.statement, _request(one), one.reply) for one in answer_first_examples()]
    request = REQUEST_PROMPT.render(
        title=candidate.about(title),
        answer=candidate.answer,
        asked_for=candidate.asked_for,
        # Without this reminder a small model gives the statement back.
        last=True,
    )
    return in_turns(task, shown, candidate.blanked, request)


def _request(example: AnswerFirstExample) -> str:
    return REQUEST_PROMPT.render(
        title=example.title,
        answer=example.answer,
        asked_for=cloze.asked_for(example.answer, example.answer_type),
        last=False,
    )
