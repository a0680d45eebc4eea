"""A file of personas that a user wrote: what it holds, and which of them a document gets."""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from wsrl_assets.errors import UserError
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.text.normalisation import stable_hash
from wsrl_assets.text.yaml_files import did_you_mean, parse_yaml, read_file

MAX_CHARS = 120
"""As long as a persona may be that a model names."""
# One line without what a terminal or a page would act upon, since it stands on one in a prompt.
_Line = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_CHARS,
        pattern=r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f\u2028\u2029]*\S)?$",
    ),
]


class PersonasError(UserError, ValueError):
    """A file of personas that cannot be used; the message names file, row and remedy."""


class PersonaFacts(BaseModel):
    """What a file says of one persona.

    Attributes:
        persona: the reader, as a phrase that stands in the drafting prompt.
        domain: whose documents may get it; those of all domains if not set.
        weight: how often it is drawn, in proportion to the others of a document's domain.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    persona: _Line
    domain: str | None = None
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    personas: tuple[PersonaFacts, ...] = Field(min_length=1, max_length=10_000)

    @model_validator(mode="after")
    def _are_told_apart(self) -> Self:
        named = Counter((facts.persona.casefold(), facts.domain) for facts in self.personas)
        (persona, domain), times = named.most_common(1)[0]
        if times > 1:
            where = f"of {domain}" if domain else "without domain"
            raise ValueError(f"{times} rows {where} have the persona {persona!r}; keep one of them")
        return self


def load_personas(path: Path) -> tuple[PersonaFacts, ...]:
    """The personas of a file; a file that is read again unchanged is not parsed again.

    Raises:
        PersonasError: the file cannot be read, a row of it cannot be used, or a domain in use has
            no persona.
    """
    remedy = "give WSRL_PERSONAS_FROM the path of a YAML file, or one of generated and none"
    data = read_file(path, f'personas "{path}"', remedy, PersonasError)
    return _parsed(data, str(path), tuple(Domain))


@cache
def _parsed(data: bytes, name: str, domains: tuple[str, ...]) -> tuple[PersonaFacts, ...]:
    found = parse_yaml(data, f'personas "{name}"', PersonasError)
    return parse_personas(found, name, domains)


def parse_personas(found: Any, name: str, domains: Collection[str]) -> tuple[PersonaFacts, ...]:
    """The personas that a file's value stands for.

    Args:
        found: what the file holds, as plain values.
        name: of the file, for messages.
        domains: slugs of the domains in use.

    Raises:
        PersonasError: it is no list of personas, one is of a domain that is not in use, or a domain
            has none.
    """
    if not isinstance(found, dict):
        raise PersonasError(
            f'personas "{name}": it must hold the key personas, a list with the persona of each, '
            "and domain and weight where wanted; see examples/personas.yaml"
        )
    try:
        facts = _File.model_validate(found).personas
    except ValidationError as error:
        said = "; ".join(_say(item) for item in error.errors(include_url=False)[:5])
        raise PersonasError(f'personas "{name}": {said}') from None
    _check_domains(facts, name, domains)
    return facts


def personas_of(facts: Sequence[PersonaFacts], domain: str) -> tuple[PersonaFacts, ...]:
    """Those that documents of a domain may get."""
    return tuple(one for one in facts if one.domain in (None, domain))


def draw(facts: Sequence[PersonaFacts], doc_id: str, count: int) -> tuple[str, ...]:
    """Up to `count` personas for a document, by weight and without repetition.

    The same document gets the same ones each time, in the same order. A row that is added or
    removed changes the draw of those documents alone that get it or had it: each row has a key of
    its own (Efraimidis and Spirakis, 2006), and the largest are taken.
    """
    ranked = sorted(facts, key=lambda one: (-_key(one, doc_id), one.persona))
    drawn: dict[str, str] = {}
    for one in ranked:
        drawn.setdefault(one.persona.casefold(), one.persona)
    return tuple(drawn.values())[:count]


def personas_digest(facts: Sequence[PersonaFacts]) -> str:
    """12 hex characters for what documents of a domain draw from, whatever its order."""
    rows = sorted([one.persona, one.weight] for one in facts)
    text = json.dumps(rows, ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _key(one: PersonaFacts, doc_id: str) -> float:
    """A draw from (0, 1) by the hash of both, as a logarithm over the weight."""
    uniform = (int(stable_hash(doc_id, one.persona)[:13], 16) + 0.5) / 16**13
    return math.log(uniform) / one.weight


def _check_domains(facts: Sequence[PersonaFacts], name: str, domains: Collection[str]) -> None:
    for number, one in enumerate(facts, 1):
        if one.domain is not None and one.domain not in domains:
            meant = did_you_mean(one.domain, domains)
            raise PersonasError(
                f'personas "{name}": row {number}, key domain: there is no domain '
                f"{one.domain[:40]!r}; {meant}The domains are {', '.join(domains)}"
            )
    bare = [domain for domain in domains if not personas_of(facts, domain)]
    if bare:
        raise PersonasError(
            f'personas "{name}": no persona is of the domain {bare[0]}; add a row with it, or one '
            "without a domain, which all domains share"
        )


def _say(item: Any) -> str:
    """A fault with its row and key."""
    path, kind = [str(part) for part in item["loc"]], item["type"]
    key = path[-1] if path else ""
    place = f"row {int(path[1]) + 1}, " if len(path) > 1 else ""
    if kind == "extra_forbidden":
        known = list((PersonaFacts if place else _File).model_fields)
        meant = did_you_mean(key, known)
        return f"{place}there is no key {key[:80]!r}; {meant}The keys are {', '.join(known)}"
    if kind == "missing":
        return f"{place}the key {key} is missing"
    if kind == "string_pattern_mismatch":
        return f"{place}key {key}: it must be one line of printable text without space around it"
    said = str(item["msg"]).removeprefix("Value error, ")
    said = f"{said[:1].lower()}{said[1:]}"
    if len(path) == 2:
        return f"{place}{said}; a row is a mapping with the key persona"
    return f"{place}key {key}: {said}" if path else said
