"""The demonstration library: few-shot examples by domain, as versioned files.

A file is `demonstrations/<domain>.yaml`: a version, the domain, and a list of examples, each a
short passage with persona, question, answer, answer type and verbatim evidence.
"""

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from wsrl_assets.errors import UserError
from wsrl_assets.reward import AnswerType
from wsrl_assets.taxonomy.domain_files import OTHER, DomainFacts
from wsrl_assets.taxonomy.domains import Domain, domains_in_use
from wsrl_assets.text.yaml_files import load_yaml


class LibraryError(UserError, ValueError):
    """A library file that cannot be used; the message names the file, the place and the remedy."""


class Demonstration(BaseModel):
    """One example.

    Attributes:
        id: unique over the library.
        passage: the text that the example was made from.
        persona: the reader who asks.
        question, answer, answer_type, unit, evidence: what a good reply holds; evidence is a
            verbatim part of the passage.
        aliases: other forms of the answer that are right.
        choices: options of a multiple-choice question, in order of their letters.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    passage: str = Field(min_length=1)
    persona: str = Field(min_length=1)
    question: str = Field(min_length=1)
    answer: str = Field(min_length=1)
    answer_type: AnswerType
    unit: str | None = None
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    evidence: str = Field(min_length=1)

    @model_validator(mode="after")
    def _quote_the_passage(self) -> Self:
        if self.evidence not in self.passage:
            raise ValueError("evidence must be a verbatim part of the passage")
        return self

    @property
    def reply(self) -> str:
        """The reply that the drafting prompt shows for this example, as JSON."""
        return self.reply_with(self.evidence)

    def reply_with(self, evidence: str | list[int]) -> str:
        """The same with the evidence in another form, such as the numbers of its sentences."""
        fields = ("answer", "answer_type", "unit", "question")
        rest = {name: getattr(self, name) for name in fields}
        return json.dumps({"evidence": evidence, **rest}, ensure_ascii=False)


class LibraryFile(BaseModel):
    """One file of the library."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int
    domain: Domain
    demonstrations: tuple[Demonstration, ...]


def load_library(folder: Path | None = None) -> dict[Domain, LibraryFile]:
    """The examples of every domain in use: from the file that the file of domains names, else from
    `folder`, else from the package, which has those of the paper's domains; a domain without any
    has those of `other`.

    Raises:
        LibraryError: the folder is missing or holds files of no domain, or a file is not YAML,
            breaks the schema, or is of another domain than its name says.
    """
    return library_of(folder, domains_in_use())


@cache
def library_of(folder: Path | None, domains: tuple[DomainFacts, ...]) -> dict[Domain, LibraryFile]:
    """The library of some domains; see `load_library`."""
    if folder is not None:
        _check_folder(folder)
    return {Domain(facts.slug): _parse(_source(folder, facts)) for facts in domains}


class LibrarySource(NamedTuple):
    """A file of the library: its name for messages, what it holds, and the domain it must be of."""

    name: str
    data: bytes
    domain: str | None


def library_sources(folder: Path | None) -> list[LibrarySource]:
    """The files that `load_library` reads, each once."""
    found = [_source(folder, facts) for facts in domains_in_use()]
    return list({source.name: source for source in found}.values())


def _source(folder: Path | None, facts: DomainFacts) -> LibrarySource:
    if facts.demonstrations is not None:
        path = Path(facts.demonstrations)
        return LibrarySource(facts.demonstrations, path.read_bytes(), None)
    own = folder / f"{facts.slug}.yaml" if folder is not None else None
    if own is not None and own.exists():
        return LibrarySource(str(own), own.read_bytes(), facts.slug)
    packaged = resources.files("wsrl_assets.generation").joinpath("demonstrations")
    for slug in (facts.slug, facts.was, OTHER):
        file = packaged.joinpath(f"{slug}.yaml")
        if file.is_file():
            return LibrarySource(f"{slug}.yaml", file.read_bytes(), slug)
    raise AssertionError("the package has demonstrations of other")


def pick_examples(file: LibraryFile, count: int, seed: str) -> tuple[Demonstration, ...]:
    """`count` examples of different answer types where possible, the same for the same seed.

    All drafts of one document use one seed, so that they share the prompt up to the persona.
    Multiple-choice examples are left to their own form.
    """
    usable = [d for d in file.demonstrations if d.answer_type is not AnswerType.CHOICE]
    ranked = sorted(usable, key=lambda d: hashlib.blake2b(f"{seed}{d.id}".encode()).digest())
    firsts = {d.answer_type: d for d in reversed(ranked)}
    unlike = [d for d in ranked if firsts[d.answer_type] is d]
    rest = [d for d in ranked if firsts[d.answer_type] is not d]
    return tuple([*unlike, *rest][:count])


def library_digest(library: Sequence[LibraryFile]) -> str:
    """12 hex characters for the content of library files; part of the drafting recipe."""
    text = json.dumps([file.model_dump(mode="json") for file in library], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise LibraryError(
            f"demonstration library {folder}: there is no such folder; see WSRL_DEMONSTRATIONS"
        )
    strays = sorted({path.stem for path in folder.glob("*.yaml")} - set(Domain))
    if strays:
        raise LibraryError(
            f"demonstration library {folder}: {strays[0]}.yaml is of no domain. "
            f"A file is named by its domain: {', '.join(Domain)}."
        )


def _parse(source: LibrarySource) -> LibraryFile:
    name = source.name
    try:
        file = LibraryFile.model_validate(load_yaml(source.data.decode("utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LibraryError(f"demonstration library {name}: not YAML ({error})") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the top"
        raise LibraryError(
            f"demonstration library {name}, at {place}: {first['msg']}. "
            "Compare the files in wsrl_assets/generation/demonstrations."
        ) from None
    if source.domain not in (None, file.domain):
        raise LibraryError(
            f"demonstration library {name}, at domain: it says {file.domain}, "
            f"while the file is named for {source.domain}"
        )
    return file
