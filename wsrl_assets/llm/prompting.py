"""Prompts as versioned files, laid out document first.

A prompt is a file `prompts/<name>.md`: a YAML head with its version, then the text, with
`{{ name }}` where a value goes. Values are inserted once and never read as template themselves;
nor is a value or a document ever read as a special token of a chat template, see `untrusted`.

Layout of a call: `[short system][document][instruction, examples, row-specific part]`.
All calls on one document share the longest possible prefix, over all stages, so a server with
prefix caching reads the document once.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import jinja2
import yaml

from wsrl_assets.llm.untrusted import as_text

Message = dict[str, str]

_HEAD = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)


def _inserted(value: Any) -> Any:
    """A value as it stands in a prompt. Questions, answers and personas are replies of models."""
    return as_text(value) if isinstance(value, str) else value


_ENVIRONMENT = jinja2.Environment(
    undefined=jinja2.StrictUndefined,
    autoescape=False,  # plain text for a model, not HTML
    finalize=_inserted,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A versioned prompt.

    Attributes:
        name: the file's name without ending.
        version: from its head; goes into recipes and Dagster's `code_version`.
        text: the template.
        digest: 12 hex characters of the text's hash, so that a forgotten version bump still
            makes another recipe.
    """

    name: str
    version: str
    text: str
    digest: str

    def render(self, **values: object) -> str:
        """The text with its values.

        Raises:
            jinja2.UndefinedError: a value that the prompt names is missing.
        """
        return _template(self.text).render(**values).strip()


@cache
def _template(text: str) -> jinja2.Template:
    """A compiled template: compiling takes a hundred times as long as rendering, a millisecond."""
    return _ENVIRONMENT.from_string(text)


@cache
def load_prompt(name: str) -> Prompt:
    """The prompt in `prompts/<name>.md`.

    Raises:
        ValueError: the file has no head with a version.
    """
    raw = resources.files("wsrl_assets.llm").joinpath(f"prompts/{name}.md").read_text("utf-8")
    head = _HEAD.match(raw)
    if head is None:
        raise ValueError(f"prompt {name}.md must begin with a head: ---, version: N, ---")
    version = str(yaml.safe_load(head.group(1))["version"])
    text = raw[head.end() :]
    return Prompt(name, version, text, _digest(text))


# How prompts name the persona: examples on a line of their own, the request on its last one.
_EXAMPLE_PERSONA = re.compile(r"^For: \{\{ example\.persona \}\}\n", re.MULTILINE)
_ASKING_PERSONA = re.compile(r" that this reader would ask: \{\{ persona \}\}")
_PICKING_PERSONA = re.compile(r"^Pick for this reader: \{\{ persona \}\}\n?", re.MULTILINE)


@cache
def without_persona(prompt: Prompt) -> Prompt:
    """The prompt as it is sent where no persona is named: with nothing that speaks of one.

    Raises:
        ValueError: its text names a persona in a way that is not known here.
    """
    text = _PICKING_PERSONA.sub("", _EXAMPLE_PERSONA.sub("", prompt.text))
    text = _ASKING_PERSONA.sub(".", text)
    if "persona" in text:
        raise ValueError(f"prompt {prompt.name}.md names a persona where it cannot be left out")
    return Prompt(prompt.name, prompt.version, text, _digest(text))


def for_persona(prompt: Prompt, persona: str | None, **values: object) -> str:
    """The text of a prompt that is asked for a persona, or for none."""
    if persona is None:
        return without_persona(prompt).render(**values)
    return prompt.render(persona=persona, **values)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def document_first(document: str, instruction: str) -> list[Message]:
    """The messages of a call on a document: system, then one user turn with the document first."""
    return [
        {"role": "system", "content": _system()},
        {"role": "user", "content": _with_document(document, instruction)},
    ]


def in_turns(
    task: str, examples: Sequence[tuple[str, str, str]], document: str, request: str
) -> list[Message]:
    """The messages of a call that shows its examples as a chat: system with the task, the examples
    (document, request, reply), and last the document with its request.
    """
    messages = [{"role": "system", "content": f"{_system()}\n\n{task}"}]
    for passage, asked, reply in examples:
        messages.append({"role": "user", "content": _with_document(passage, asked)})
        messages.append({"role": "assistant", "content": as_text(reply)})
    return [*messages, {"role": "user", "content": _with_document(document, request)}]


def _with_document(document: str, instruction: str) -> str:
    return f"<document>\n{as_text(document)}\n</document>\n\n{instruction}"


def without_document(instruction: str) -> list[Message]:
    """The messages of a call that must not see the document: system, then the instruction."""
    return [
        {"role": "system", "content": _system()},
        {"role": "user", "content": instruction},
    ]


def in_a_word(instruction: str) -> list[Message]:
    """The messages of a call that is answered by yes or no.

    There is no system prompt: with one, small models tell good pairs from bad ones less well.
    """
    return [{"role": "user", "content": instruction}]


@cache
def _system() -> str:
    return load_prompt("system").render()
