"""The domains in use: one list for prompts, partitions and files.

A domain has a *slug*, which names its Dagster partition and its DuckDB file, and a *label*,
which models read and releases carry. By default they are the ten of Webscale-RL (paper, section 3);
`use_domains` puts others in their place, once, where a process begins.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from typing import Any, ClassVar

import yaml
from pydantic_core import core_schema

from wsrl_assets.taxonomy.domain_files import SLUG, DomainFacts, parse_domains


class _InUse(type):
    """Lets the class stand for the domains in use, in their order, as an enumeration does."""

    def __iter__(cls) -> "Iterator[Domain]":
        return iter([Domain(facts.slug) for facts in domains_in_use()])

    def __len__(cls) -> int:
        return len(domains_in_use())

    def __contains__(cls, slug: object) -> bool:
        return any(facts.slug == slug for facts in domains_in_use())

    def __getattr__(cls, name: str) -> "Domain":
        if name.isupper() and name.lower() in cls:
            return Domain(name.lower())
        raise AttributeError(f"no domain {name}; in use are {', '.join(cls)}")


class Domain(str, metaclass=_InUse):
    """A domain by its slug, for example ``Domain.NATURAL_SCIENCE == "natural_science"``.

    The class has the domains in use as its members. A slug that is not in use can be made too: a
    home may hold rows of domains that were retired.

    Raises:
        ValueError: the text cannot be a slug.
    """

    _made: ClassVar[dict[str, "Domain"]] = {}

    def __new__(cls, slug: str) -> "Domain":
        if slug not in cls._made:
            if not re.fullmatch(SLUG, slug):
                raise ValueError(f"{slug!r} is no slug of a domain")
            cls._made[slug] = super().__new__(cls, slug)
        return cls._made[slug]

    @property
    def facts(self) -> DomainFacts:
        """What its file says of it; made up from the slug for one that is not in use."""
        for facts in domains_in_use():
            if facts.slug == self:
                return facts
        label = self.replace("_", " ").capitalize()
        return DomainFacts(slug=str(self), label=label, definition="not in use")

    @property
    def label(self) -> str:
        """The name that models read, for example ``"Natural Science"``."""
        return self.facts.label

    @property
    def definition(self) -> str:
        """What belongs to it, in one line, as triage reads it."""
        return self.facts.definition

    @property
    def weight(self) -> float:
        """Its part where a number of pairs is shared out, in proportion to those of the others."""
        return self.facts.weight

    @classmethod
    def from_label(cls, label: str) -> "Domain":
        """The domain in use that is called `label`.

        Raises:
            ValueError: no domain is called that.
        """
        for domain in cls:
            if domain.label == label:
                return domain
        known = ", ".join(domain.label for domain in cls)
        raise ValueError(f"unknown domain {label!r}; known: {known}")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(
            cls, core_schema.str_schema(), serialization=core_schema.to_string_ser_schema()
        )


@cache
def shipped_domains() -> tuple[DomainFacts, ...]:
    """The ten domains of the paper."""
    text = resources.files(__package__).joinpath("domains.yaml").read_text("utf-8")
    return parse_domains(yaml.safe_load(text), "domains.yaml")


_chosen: list[tuple[DomainFacts, ...]] = []


def domains_in_use() -> tuple[DomainFacts, ...]:
    """What there is to know of each domain, in their order."""
    return _chosen[-1] if _chosen else shipped_domains()


def are_chosen() -> bool:
    """Whether `use_domains` was given domains."""
    return bool(_chosen)


def use_domains(domains: Sequence[DomainFacts] | None) -> None:
    """Has this process use some domains from here on; none stands for those of the paper."""
    _chosen[:] = [tuple(domains)] if domains else []
