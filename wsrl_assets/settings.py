"""Settings from the environment, in one place. Every one can be overridden per run.

`WSRL_LLM_BASE_URL`, `WSRL_LLM_MODEL` and `WSRL_LLM_API_KEY` hold for all roles; the same names
with `_TRIAGE`, `_GENERATOR`, `_JUDGE` or `_POLICY` after `LLM` hold for one, for example
`WSRL_LLM_JUDGE_MODEL`.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from wsrl_assets.errors import UserError
from wsrl_assets.generation.persona_files import PersonasError, load_personas
from wsrl_assets.llm.errors import EndpointError
from wsrl_assets.llm.roles import Prices, Role, RoleSettings
from wsrl_assets.taxonomy.domain_files import DomainFacts, DomainsError, parse_domains
from wsrl_assets.taxonomy.forms import Form
from wsrl_assets.taxonomy.judging import JudgedBy
from wsrl_assets.taxonomy.layouts import Layout
from wsrl_assets.taxonomy.stages import REGENERABLE, Stage
from wsrl_assets.taxonomy.wanted import Wanted
from wsrl_assets.text.highlight import without_credentials
from wsrl_assets.text.home_names import home_folder
from wsrl_assets.text.yaml_files import read_yaml

GENERATED = "generated"
NO_PERSONAS = "none"


class SettingsError(UserError, ValueError):
    """A setting that cannot be used; the message names it and says what it may be."""


def _split(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return [part.strip() for part in value.split(",") if part.strip()]


class RoleEnvironment(BaseSettings):
    """The settings of one role, or of all, by prefix.

    Attributes:
        base_url: an OpenAI-compatible server, such as http://127.0.0.1:8000/v1; several with the
            same models, separated by commas, share the calls.
        model: its name as served; the server is asked if not set.
        api_key: sent with each call; never logged, stored or shown.
        temperature: sampling temperature; by role if not set: triage 0, generator 0.7, judge 0,
            policy 1.
        timeout_s: longest wait for a reply, in seconds; 300 if not set.
        prompt_price: price of a million prompt tokens, in any one currency; 0 if not set.
        cached_price: price of a million prompt tokens from the cache; `prompt_price` if not set.
        completion_price: price of a million completion tokens; 0 if not set.
        metrics_urls: of the servers behind a router, such as http://10.0.0.7:8000/metrics,
            separated by commas; a router does not show how full they are.
    """

    model_config = SettingsConfigDict(env_ignore_empty=True)

    base_url: str | None = None
    model: str | None = None
    api_key: SecretStr | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    timeout_s: float | None = Field(default=None, gt=0)
    prompt_price: float | None = Field(default=None, ge=0)
    cached_price: float | None = Field(default=None, ge=0)
    completion_price: float | None = Field(default=None, ge=0)
    metrics_urls: str | None = None


class Settings(BaseSettings):
    """All settings but those of the roles.

    Attributes:
        home: folder of all data; or the address of one that several hosts share in an object
            store, such as s3://bucket/prefix, of which each host keeps a copy in its cache.
        text_column: column of the input that holds the text; guessed if not set.
        max_passage_tokens: longer documents are cut into passages of at most this many tokens; by
            default 3,000, or less where a model's context window asks for it.
        personas: personas per document, 1 to 3 (paper: up to 3); each is asked for a question of
            each form.
        personas_from: `generated` by the model of the role triage for each document; `none`, where
            drafts have an empty persona and cost no call for it; or a YAML file of your own.
        personas_shown: whether the prompt of a draft names its persona. Switch it off to learn
            what naming it does, while the number of drafts stays.
        forms: question forms to draft, comma separated: open, cloze, multiple_choice,
            computed, unanswerable, multi_hop, rubric, cross_document.
        draft_layout: layout of the prompt for open questions: document_first, turns, numbered,
            numbered_one, answer_first. Which is best depends on the model; answer_first is made
            for small ones: see `python -m benchmarks.prompts`.
        judge: whether the LLM judge checks pairs.
        judge_by: `words`: the judge writes its verdict; or `probability`, for small judges: it is
            asked for yes or no, with a threshold that is calibrated on the demonstrations.
        judge_votes: replies that make a verdict, odd; the majority counts.
        round_trip: whether a second answer, given the document, must score 1 against the gold.
        benchmarks: benchmark files to decontaminate against, comma separated.
        benchmark_columns: columns of the benchmark files to read, comma separated, the question
            first and then the answer; found by their names if not set.
        embedding_model: folder or name of a sentence-transformers model, by which questions of
            one meaning and documents of one topic are found; none if not set.
        demonstrations: folder of your own few-shot examples; the packaged ones if not set.
        max_in_flight: a fixed ceiling on concurrent calls, over all processes and hosts of a home,
            in place of the adaptive one.
        until_pairs: a run stops when this many pairs are accepted, all domains together; evenly
            over them, or by the weights of the release spec.
        budget_tokens: a run stops when its calls have taken this many tokens.
        budget_cost: a run stops when its calls have cost this much, at the prices that are set.
        retry_failed: whether rows that failed earlier are tried again.
        regenerate: a stage whose rows of older recipes are replaced, with what depends on them.
        seed: of the assignment to splits, and of the samples of `wsrl preview` and `wsrl trial`.
        validation_share: share of the source documents in the validation split.
        test_share: share of the source documents in the test split.
        pass_rate_rollouts: closed-book rollouts of the policy per verified pair; 0 switches pass
            rates off.
        pass_rate_stops_early: whether the rollouts of a pair stop once its place inside or outside
            the release's range is certain. The rate is then biased: leave it off for a curriculum.
        rollout_tokens: longest rollout; what is longer counts as failed, as in training.
        sft_pairs: pairs of each domain that are held out from releases, each with a chain of
            thought for supervised training; 0 holds out no more.
        release_spec: YAML file that says what a release takes; everything if not set.
        pass_rate_above: a release takes only pairs whose pass rate is above this; 0 leaves out
            those that no rollout passes.
        pass_rate_below: a release takes only pairs whose pass rate is below this; 1 leaves out
            those that every rollout passes.
    """

    model_config = SettingsConfigDict(env_prefix="WSRL_", env_ignore_empty=True)

    home: Annotated[Path, BeforeValidator(home_folder)] = Path(".wsrl")
    text_column: str | None = None
    max_passage_tokens: int | None = Field(default=None, ge=64)
    personas: int = Field(default=3, ge=1, le=3)
    personas_from: str = GENERATED
    personas_shown: bool = True
    forms: Annotated[tuple[Form, ...], NoDecode, BeforeValidator(_split), Field(min_length=1)] = (
        Form.OPEN,
    )
    draft_layout: Layout = Layout.DOCUMENT_FIRST
    judge: bool = True
    judge_by: JudgedBy = JudgedBy.WORDS
    judge_votes: int = Field(default=1, ge=1, le=15)
    round_trip: bool = True
    benchmarks: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = ()
    benchmark_columns: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = ()
    embedding_model: str | None = None
    demonstrations: Path | None = None
    max_in_flight: int | None = Field(default=None, ge=1, le=1024)
    until_pairs: int | None = Field(default=None, ge=1)
    budget_tokens: int | None = Field(default=None, ge=1)
    budget_cost: float | None = Field(default=None, gt=0)
    retry_failed: bool = False
    regenerate: Stage | None = None
    seed: int = 0
    validation_share: float = Field(default=0.02, ge=0, lt=1)
    test_share: float = Field(default=0.02, ge=0, lt=1)
    pass_rate_rollouts: int = Field(default=0, ge=0, le=1024)
    pass_rate_stops_early: bool = False
    rollout_tokens: int = Field(default=1024, ge=16)
    sft_pairs: int = Field(default=0, ge=0)
    release_spec: Path | None = None
    pass_rate_above: float | None = Field(default=None, ge=0, lt=1)
    pass_rate_below: float | None = Field(default=None, gt=0, le=1)

    @model_validator(mode="after")
    def _leave_no_tie(self) -> "Settings":
        if self.judge_votes % 2 == 0:
            raise ValueError(
                f"WSRL_JUDGE_VOTES must be odd, so that votes cannot tie; it is {self.judge_votes}"
            )
        return self

    @model_validator(mode="after")
    def _leave_some_to_train(self) -> "Settings":
        if self.validation_share + self.test_share >= 1:
            raise ValueError("WSRL_VALIDATION_SHARE and WSRL_TEST_SHARE must sum to below 1")
        return self

    @model_validator(mode="after")
    def _leave_some_rates(self) -> "Settings":
        above, below = self.pass_rate_above, self.pass_rate_below
        if above is not None and below is not None and above >= below:
            raise ValueError("WSRL_PASS_RATE_ABOVE must be below WSRL_PASS_RATE_BELOW")
        return self

    @model_validator(mode="after")
    def _regenerate_all(self) -> "Settings":
        if self.regenerate is not None and self.has_goal:
            raise ValueError(
                "a regeneration replaces all rows of a stage: run it without WSRL_UNTIL_PAIRS and "
                "without a budget"
            )
        return self

    @field_validator("regenerate")
    @classmethod
    def _is_regenerable(cls, stage: Stage | None) -> Stage | None:
        if stage is not None and stage not in REGENERABLE:
            raise ValueError(
                f"{stage} asks no model, and follows by itself; regenerate one of "
                f"{', '.join(REGENERABLE)}"
            )
        return stage

    @property
    def generates_personas(self) -> bool:
        """Whether a model is asked for personas."""
        return self.personas_from == GENERATED

    @property
    def personas_file(self) -> Path | None:
        """The file that personas are drawn from, if there is one."""
        is_file = self.personas_from not in (GENERATED, NO_PERSONAS)
        return Path(self.personas_from) if is_file else None

    @property
    def wanted(self) -> Wanted:
        """What these settings ask for, as accounts count it."""
        switches = {Stage.PASS_RATES: self.rates_pairs, Stage.SFT_WARMUP: self.warms_up}
        return Wanted(
            tuple(str(form) for form in self.forms),
            frozenset(stage for stage, is_on in switches.items() if is_on),
            self.sft_pairs,
        )

    @property
    def has_budget(self) -> bool:
        """Whether runs may spend only so much."""
        return self.budget_tokens is not None or self.budget_cost is not None

    @property
    def has_goal(self) -> bool:
        """Whether runs stop before all is done."""
        return self.until_pairs is not None or self.has_budget

    @property
    def rates_pairs(self) -> bool:
        """Whether runs take pass rates."""
        return self.pass_rate_rollouts > 0

    @property
    def warms_up(self) -> bool:
        """Whether runs make a warm-up set."""
        return self.sft_pairs > 0


class DomainSettings(BaseSettings):
    """The domains. Read once, as a command begins or as Dagster loads the definitions.

    Attributes:
        domains: YAML file of your own domains; the ten of the paper if not set.
    """

    model_config = SettingsConfigDict(env_prefix="WSRL_", env_ignore_empty=True)

    domains: Path | None = None


class Executor(StrEnum):
    """Where the steps of a run are executed."""

    IN_PROCESS = "in_process"
    """In the process of the run, one after another."""
    MULTIPROCESS = "multiprocess"
    """Each in a process of its own, forked off a server that has everything imported."""


class AutomationSettings(BaseSettings):
    """What sensors, schedules and runs go by. Read as Dagster loads the definitions.

    Attributes:
        inbox: folder or URL whose files become shards as they arrive; none watches nothing.
        inbox_interval_s: seconds between two scans of the inbox.
        schedule: cron expression of the nightly top-up; it is on if this is set.
        timezone: time zone of the schedule.
        alert_webhook: address that failures are posted to; it may hold a token, so it is printed
            nowhere.
        fresh_hours: hours after which the release (`rl_dataset`) counts as stale.
        executor: `in_process`, or `multiprocess`: a process for each step, so that a run survives a
            step that is killed.
    """

    model_config = SettingsConfigDict(env_prefix="WSRL_", env_ignore_empty=True)

    inbox: str | None = None
    inbox_interval_s: int = Field(default=30, ge=1)
    schedule: str | None = None
    timezone: str = "UTC"
    alert_webhook: SecretStr | None = None
    fresh_hours: int | None = Field(default=None, ge=1)
    executor: Executor = Executor.IN_PROCESS


RoleOverride = Mapping[str, str | None]


class Roles:
    """The endpoints of the roles. A missing one is an error only when it is needed."""

    def __init__(self, roles: Mapping[Role, RoleSettings | None]) -> None:
        self._roles = dict(roles)

    def __getitem__(self, role: Role) -> RoleSettings:
        """The role's endpoint.

        Raises:
            EndpointError: it has none; the message says how to give it one.
        """
        found = self._roles.get(role)
        if found is None:
            raise EndpointError(
                f"there is no endpoint for the role {role}: set WSRL_LLM_BASE_URL, or "
                f"WSRL_LLM_{role.upper()}_BASE_URL for this role alone, to an OpenAI-compatible "
                "server such as http://127.0.0.1:8000/v1, start one with `wsrl serve`, or see the "
                "whole job run by itself with `wsrl demo`."
            )
        return found

    def model(self, role: Role) -> str | None:
        """The model that settings name for a role, if they do."""
        found = self._roles.get(role)
        return found.model if found else None

    def has(self, role: Role) -> bool:
        """Whether a role has an endpoint."""
        return self._roles.get(role) is not None

    def given(self) -> list[RoleSettings]:
        """The endpoints that are set, one a role."""
        return [found for found in self._roles.values() if found is not None]


def load_settings(overrides: Mapping[str, Any] | None = None) -> Settings:
    """The settings of the environment, with `overrides` over them.

    Raises:
        SettingsError: a value that its setting cannot have, or a file of personas that cannot be
            used.
    """
    try:
        settings = Settings(**(overrides or {}))
    except ValidationError as error:
        raise SettingsError(_say(error, "WSRL_")) from None
    if settings.personas_file is not None:
        _check_personas(settings.personas_file)
    return settings


def _check_personas(file: Path) -> None:
    """Reads the file, so that a fault of it shows before anything is paid for."""
    try:
        load_personas(file)
    except PersonasError as error:
        raise SettingsError(str(error)) from None


def load_automation() -> AutomationSettings:
    """The settings of sensors, schedules and runs, from the environment.

    Raises:
        SettingsError: a value that its setting cannot have.
    """
    try:
        return AutomationSettings()
    except ValidationError as error:
        raise SettingsError(_say(error, "WSRL_")) from None


def load_domains() -> tuple[DomainFacts, ...] | None:
    """The domains of the file that the environment names; none if it names none.

    Raises:
        DomainsError: the file cannot be read, or holds no domains.
    """
    path = DomainSettings().domains
    if path is None:
        return None
    remedy = "give WSRL_DOMAINS the path of a YAML file"
    found = read_yaml(path, f'domains "{path}"', remedy, DomainsError)
    return tuple(_with_file(facts, path) for facts in parse_domains(found, str(path)))


def _with_file(facts: DomainFacts, path: Path) -> DomainFacts:
    """The facts with the demonstrations file as it is found, beside the file of domains."""
    if facts.demonstrations is None:
        return facts
    file = path.parent / facts.demonstrations
    if file.is_dir():
        file /= f"{facts.slug}.yaml"
    if not file.is_file():
        raise DomainsError(
            f'domains "{path}": domain {facts.slug}, key demonstrations: there is no file {file}; '
            "give a path from the folder of this file"
        )
    return facts.model_copy(update={"demonstrations": str(file.resolve())})


def load_roles(
    overrides: Mapping[Role | None, RoleOverride] | None = None, *, use_environment: bool = True
) -> Roles:
    """The endpoint of each role, from the environment, with overrides over it.

    Args:
        overrides: by role; `None` stands for all roles.
        use_environment: whether the environment is read at all.

    Raises:
        SettingsError: a value that its setting cannot have.
    """
    overrides = overrides or {}

    def read(role: Role | None) -> RoleEnvironment:
        name = f"WSRL_LLM_{role.upper()}_" if role else "WSRL_LLM_"
        return _role_environment(name if use_environment else _UNUSED_PREFIX, overrides.get(role))

    shared = read(None)
    own = {role: read(role) for role in Role}
    return Roles({role: _role(role, own[role], shared) for role in Role})


_UNUSED_PREFIX = "WSRL_NO_ENVIRONMENT_"
# The policy samples as it does in training: GRPO draws its groups at 1.
_TEMPERATURES = {Role.TRIAGE: 0.0, Role.GENERATOR: 0.7, Role.JUDGE: 0.0, Role.POLICY: 1.0}


def _role(role: Role, own: RoleEnvironment, shared: RoleEnvironment) -> RoleSettings | None:
    base_url = own.base_url or shared.base_url
    if base_url is None:
        return None
    same_server = own.base_url is None or own.base_url == shared.base_url
    return RoleSettings(
        base_url=_checked_urls(base_url, _name_of("BASE_URL", role if own.base_url else None)),
        # What holds for the shared server says nothing about another one.
        model=own.model or (shared.model if same_server else None),
        api_key=own.api_key or (shared.api_key if same_server else None),
        temperature=_first(own.temperature, shared.temperature, _TEMPERATURES[role]),
        timeout_s=_first(own.timeout_s, shared.timeout_s, 300.0),
        prices=_prices(own, shared if same_server else own),
        metrics_urls=_metrics_urls(role, own, shared if same_server else own, base_url),
    )


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)


def _prices(own: RoleEnvironment, shared: RoleEnvironment) -> Prices:
    """A role's prices; a cached token costs what any prompt token does, unless that is said."""
    prompt = _first(own.prompt_price, shared.prompt_price, 0.0)
    return Prices(
        prompt,
        _first(own.cached_price, shared.cached_price, prompt),
        _first(own.completion_price, shared.completion_price, 0.0),
    )


def _metrics_urls(
    role: Role, own: RoleEnvironment, shared: RoleEnvironment, base_url: str
) -> tuple[str, ...]:
    """Where a router's servers show their load.

    Raises:
        SettingsError: no addresses, or beside several servers, which show it themselves.
    """
    given = own.metrics_urls or shared.metrics_urls
    if given is None:
        return ()
    name = _name_of("METRICS_URLS", role if own.metrics_urls else None)
    if "," in base_url:
        raise SettingsError(
            f"{name} is for the servers behind one router, and there are several base URLs. "
            "Leave it out: the metrics of each are read."
        )
    return tuple(_checked_urls(given, name).split(","))


def _name_of(setting: str, role: Role | None) -> str:
    return f"WSRL_LLM_{role.upper()}_{setting}" if role else f"WSRL_LLM_{setting}"


def _checked_urls(urls: str, name: str) -> str:
    """One URL, or several with commas between them, each once.

    Raises:
        SettingsError: one of them is no HTTP address.
    """
    found = [url.strip().rstrip("/") for url in urls.split(",") if url.strip()]
    for url in found or [urls]:
        if not url.startswith(("http://", "https://")):
            raise SettingsError(
                f"{name} is {without_credentials(url)!r}; it must begin with http:// or https://, "
                "for example http://127.0.0.1:8000/v1"
            )
        if any(char.isspace() for char in url):
            raise SettingsError(
                f"{name} has a space in {without_credentials(url)!r}; separate several by commas"
            )
    return ",".join(dict.fromkeys(found))


def _role_environment(prefix: str, override: RoleOverride | None) -> RoleEnvironment:
    given = {name: value for name, value in (override or {}).items() if value}
    try:
        return RoleEnvironment(_env_prefix=prefix, **given)  # type: ignore[call-arg, arg-type]
    except ValidationError as error:
        raise SettingsError(_say(error, prefix)) from None


def _say(error: ValidationError, prefix: str) -> str:
    parts = []
    for item in error.errors(include_url=False, include_input=False):
        if item["loc"]:
            name = prefix + str(item["loc"][0]).upper()
            parts.append(f"setting {name}: {item['msg'].lower()}")
        else:
            parts.append(item["msg"].removeprefix("Value error, "))
    return "; ".join(parts)
