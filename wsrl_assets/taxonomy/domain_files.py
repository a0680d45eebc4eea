"""A file of domains: its keys, and what is wrong with it in a sentence."""

import difflib
from collections import Counter
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from wsrl_assets.errors import UserError

SLUG = "[a-z][a-z0-9_]{0,39}"
OTHER = "other"

Slug = Annotated[str, Field(pattern=f"^{SLUG}$")]
# One line, since it stands on one in a prompt; without what a terminal or a page would act upon.
_Line = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*\S$")]


class DomainsError(UserError, ValueError):
    """A file of domains that cannot be used; the message names the file, the key and the remedy."""


class DomainFacts(BaseModel):
    """What a file says of one domain.

    Attributes:
        slug: names its partition and files; stays when the label changes.
        label: as models read it and releases carry it.
        definition: what belongs to it, in one line, for triage.
        weight: its part where a number of pairs is shared out.
        demonstrations: YAML file of its few-shot examples, or a folder that has it as
            `<slug>.yaml`; see `generation.library`.
        takes_from: domains whose documents may move to it; those of `other` may in any case.
        was: the slug that it had before.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    slug: Slug
    label: _Line = Field(max_length=60)
    definition: _Line = Field(max_length=200)
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    demonstrations: str | None = Field(default=None, min_length=1)
    takes_from: tuple[Slug, ...] = Field(default=(), alias="from")
    was: Slug | None = None


# Always there: what fits no other domain must go somewhere.
_OTHER = DomainFacts(slug=OTHER, label="Other", definition="what fits none of these")


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    domains: tuple[DomainFacts, ...] = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _are_told_apart(self) -> Self:
        slugs = [domain.slug for domain in self.domains]
        for name, values in (
            ("slug", slugs),
            ("label", [domain.label.casefold() for domain in self.domains]),
            ("was", [domain.was for domain in self.domains if domain.was]),
        ):
            value, times = Counter(values).most_common(1)[0] if values else ("", 1)
            if times > 1:
                raise ValueError(f"{times} domains have the {name} {value!r}; give each its own")
        for domain in self.domains:
            _check_references(domain, slugs)
        return self


def parse_domains(found: Any, name: str) -> tuple[DomainFacts, ...]:
    """The domains that a file's value stands for, with `other` last if the file has it not.

    Args:
        found: what the file holds, as plain values.
        name: of the file, for messages.

    Raises:
        DomainsError: it is no list of domains.
    """
    if not isinstance(found, dict):
        raise DomainsError(
            f'domains "{name}": it must hold the key domains, a list with slug, label and '
            "definition of each; see examples/domains.yaml"
        )
    try:
        domains = _File.model_validate(found).domains
    except ValidationError as error:
        said = "; ".join(_say(item, found) for item in error.errors(include_url=False)[:5])
        raise DomainsError(f'domains "{name}": {said}') from None
    has_other = any(domain.slug == OTHER for domain in domains)
    if not has_other and any(domain.label.casefold() == OTHER for domain in domains):
        raise DomainsError(
            f'domains "{name}": the label Other is that of the domain other, which is always '
            "there; give the slug other to the domain, or another label"
        )
    return domains if has_other else (*domains, _OTHER)


def _check_references(domain: DomainFacts, slugs: list[str]) -> None:
    if domain.was is None:
        pass
    elif OTHER in (domain.slug, domain.was):
        raise ValueError("other cannot be renamed; change its label, and keep the slug")
    elif domain.was in slugs:
        raise ValueError(
            f"{domain.slug} was {domain.was}, which is in the file too: for a split, remove was "
            f"and add from: [{domain.was}]"
        )
    if domain.slug in domain.takes_from:
        raise ValueError(f"{domain.slug} takes from itself; remove it from its key from")


def _say(item: Any, found: dict[Any, Any]) -> str:
    """A fault with its key, and the domain that has it by its slug or else its number."""
    path, kind = [str(part) for part in item["loc"]], item["type"]
    key = path[-1] if path else ""
    place = _place(item["loc"], found)
    if kind == "extra_forbidden":
        known = [_key_of(name) for name in (DomainFacts if place else _File).model_fields]
        near = difflib.get_close_matches(key, known, n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        return f"{place}there is no key {key[:80]!r}; {meant}The keys are {', '.join(known)}"
    if kind == "missing":
        return f"{place}the key {key} is missing"
    if kind == "string_pattern_mismatch" and key in ("label", "definition"):
        return f"{place}key {key}: it must be one line of printable text that does not end in space"
    if kind == "string_pattern_mismatch":
        return (
            f"{place}key {'.'.join(path[2:])}: {str(item['input'])[:80]!r} is no slug; a slug has "
            "up to 40 lower-case letters, digits and underscores, and begins with a letter"
        )
    said = str(item["msg"]).removeprefix("Value error, ")
    said = f"{said[:1].lower()}{said[1:]}"
    return f"{place}key {'.'.join(path[2:] or path)}: {said}" if path else said


def _place(loc: tuple[Any, ...], found: dict[Any, Any]) -> str:
    if len(loc) < 2 or loc[0] != "domains":
        return ""
    number = int(loc[1])
    entry = found["domains"][number]
    slug = entry.get("slug") if isinstance(entry, dict) else None
    shown = slug[:40] if isinstance(slug, str) and slug.isidentifier() else f"number {number + 1}"
    return f"domain {shown}, "


def _key_of(field: str) -> str:
    return "from" if field == "takes_from" else field
