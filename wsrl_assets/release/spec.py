"""What a release is asked to hold: a YAML file, checked before anything is made of it.

Every key may be left out; an empty file asks for every placed pair. See examples/release.yaml.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from wsrl_assets.errors import UserError
from wsrl_assets.release.pass_rates import PassRateRange
from wsrl_assets.reward import AnswerType
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.text.yaml_files import did_you_mean, read_yaml


class SpecError(UserError, ValueError):
    """A release spec that cannot be used; the message names the file, the key and the way out."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DomainShare(_Part):
    """How much of a domain a release takes.

    Attributes:
        weight: its part of the release's size, in proportion to the weights of the others.
        cap: at most so many pairs.
    """

    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    cap: int | None = Field(default=None, ge=0)


class _Bounds(_Part):
    """The pass rates that a release takes.

    Attributes:
        above, below: strictly between these.
        unreached: whether pairs that no rollout passed are taken too, whatever the bounds say.
    """

    above: float | None = Field(default=None, ge=0, lt=1)
    below: float | None = Field(default=None, gt=0, le=1)
    unreached: bool = False

    @model_validator(mode="after")
    def _some_rates_between(self) -> Self:
        if self.above is not None and self.below is not None and self.above >= self.below:
            raise ValueError("above must be less than below")
        return self


class Curriculum(_Part):
    """An order of the rows by falling pass rate.

    Attributes:
        spread: standard deviation of a pair's place around that of its rate, as a share of its
            domain; 0 sorts strictly.
    """

    spread: float = Field(default=0.1, ge=0, le=10)


def _domain(value: Any) -> Any:
    """A domain in use by its slug, or by its label."""
    found = {domain.label: domain for domain in Domain} | {str(domain): domain for domain in Domain}
    if value not in found:
        raise PydanticCustomError("enum", "no domain in use")
    return found[value]


def _share(value: Any) -> Any:
    """A domain that is only named is taken as it is."""
    return DomainShare() if value is None else value


class ReleaseSpec(_Part):
    """What a release is asked to hold.

    Attributes:
        seed: deals out which pairs are taken where not all are.
        size: at most so many pairs, over all splits; a pair stays in the split that it has.
        domains: only these, by slug or label, each with a weight or a cap; all if not set. A
            domain without a weight has that of the file of domains, which is 1 if it says none.
        answer_types: only these; all if not set.
        forms: only these; all if not set.
        pass_rate: strictly `above` and `below`; any rate and none if not set. `unreached` takes
            pairs that no rollout passed beside those.
        curriculum: rows by falling pass rate, domains mixed; by pair id if not set.
        unanswerable: at most so large a share of the pairs has no answer in its passage; any share
            if not set.
    """

    seed: int = 0
    size: int | None = Field(default=None, ge=1)
    domains: (
        dict[
            Annotated[Domain, BeforeValidator(_domain)],
            Annotated[DomainShare, BeforeValidator(_share)],
        ]
        | None
    ) = Field(default=None, min_length=1)
    answer_types: tuple[AnswerType, ...] | None = Field(default=None, min_length=1)
    forms: tuple[Form, ...] | None = Field(default=None, min_length=1)
    pass_rate: _Bounds = _Bounds()
    curriculum: Curriculum | None = None
    unanswerable: float | None = Field(default=None, ge=0, lt=1)

    @field_validator("domains", mode="before")
    @classmethod
    def _list_of_domains(cls, value: Any) -> Any:
        """`domains: [math, coding]` is short for each without weight or cap."""
        if isinstance(value, list) and all(isinstance(name, str) for name in value):
            return dict.fromkeys(value)
        return value

    @model_validator(mode="after")
    def _weights_share_a_size(self) -> Self:
        if self._names_weights and self.size is None:
            raise ValueError("weights share out a size: add size, or use caps in place of weights")
        return self

    @property
    def weighted(self) -> bool:
        """Whether domains share the size by weight, and not by how many pairs they have."""
        return self._names_weights or any(domain.facts.weight != 1 for domain in Domain)

    @property
    def _names_weights(self) -> bool:
        shares = (self.domains or {}).values()
        return any("weight" in share.model_fields_set for share in shares)

    @property
    def weights(self) -> dict[Domain, float]:
        """The weight of each domain that is asked for, from the spec or the file of domains."""
        asked = {domain: self.share(domain) for domain in Domain}
        return {
            domain: share.weight if "weight" in share.model_fields_set else domain.weight
            for domain, share in asked.items()
            if share is not None
        }

    @property
    def rates(self) -> PassRateRange:
        """The pass rates that it takes."""
        bounds = self.pass_rate
        return PassRateRange(bounds.above, bounds.below, bounds.unreached)

    def share(self, domain: Domain) -> DomainShare | None:
        """What is asked of a domain; none if it has no place in the release."""
        return DomainShare() if self.domains is None else self.domains.get(domain)

    def bounded_by(self, rates: PassRateRange) -> "ReleaseSpec":
        """The spec with bounds on pass rates that were set elsewhere (settings, launchpad).

        Raises:
            SpecError: both set one bound, to different values.
        """
        bounds: dict[str, Any] = {"unreached": self.pass_rate.unreached}
        for key in ("above", "below"):
            here, there = getattr(self.pass_rate, key), getattr(rates, key)
            if here is not None and there is not None and here != there:
                raise SpecError(
                    f"pass rates are bounded twice: the release spec says {key} {here:g}, and "
                    f"WSRL_PASS_RATE_{key.upper()} (or the run's configuration) {there:g}. "
                    "Remove one of them."
                )
            bounds[key] = here if here is not None else there
        try:
            return self.model_copy(update={"pass_rate": _Bounds(**bounds)})
        except ValidationError:
            raise SpecError(
                "the release spec and the settings WSRL_PASS_RATE_ABOVE and WSRL_PASS_RATE_BELOW "
                "together leave no pass rate: put both bounds into the spec"
            ) from None

    def to_dict(self) -> dict[str, Any]:
        """What differs from asking for everything, as plain values in a fixed order."""
        return dict(sorted(self.model_dump(mode="json", exclude_defaults=True).items()))


EVERYTHING = ReleaseSpec()


def load_spec(path: Path | None) -> ReleaseSpec:
    """The spec in a YAML file; that which asks for everything if there is no file.

    Raises:
        SpecError: the file cannot be read, or asks for what cannot be.
    """
    if path is None:
        return EVERYTHING
    remedy = "give WSRL_RELEASE_SPEC or --spec the path of a YAML file"
    found = read_yaml(path, f'release spec "{path}"', remedy, SpecError)
    if found is None:
        return EVERYTHING
    if not isinstance(found, dict):
        raise SpecError(
            f'release spec "{path}" holds a {type(found).__name__}; it must hold keys, such as '
            f"{', '.join(ReleaseSpec.model_fields)}"
        )
    try:
        return ReleaseSpec(**{str(key): value for key, value in found.items()})
    except ValidationError as error:
        said = "; ".join(_say(item) for item in error.errors(include_url=False))
        raise SpecError(f'release spec "{path}": {said}') from None


# The keys beside which an unknown one may stand, by the keys that lead there.
_KEYS: dict[tuple[str, ...], list[str]] = {
    (): list(ReleaseSpec.model_fields),
    ("domains",): list(DomainShare.model_fields),
    ("pass_rate",): list(_Bounds.model_fields),
    ("curriculum",): list(Curriculum.model_fields),
}


def _say(item: Any) -> str:
    # A fault of a dictionary's key is reported with "[key]" at the end of its place.
    path = [str(part) for part in item["loc"] if part != "[key]"]
    key, kind = ".".join(path), item["type"]
    if kind == "extra_forbidden":
        beside = _KEYS[() if len(path) == 1 else (path[0],)]
        return f"key {key}: there is no such key{_remedy(path[-1], beside)}"
    if kind == "enum":
        choices = list({"domains": Domain, "forms": Form}.get(path[0], AnswerType))
        return f"key {key}: {item['input']!r} is none{_remedy(str(item['input']), choices)}"
    said = str(item["msg"]).removeprefix("Value error, ")
    return f"key {key}: {said[:1].lower()}{said[1:]}" if key else said


def _remedy(given: str, choices: Iterable[str]) -> str:
    known = [str(choice) for choice in choices]
    meant = did_you_mean(given, known)
    return f"; {meant}{'I' if meant else 'i'}t may be {', '.join(known)}"
