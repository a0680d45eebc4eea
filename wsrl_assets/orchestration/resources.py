"""The store and the endpoints as Dagster resources: environment first, the launchpad over it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg
from dagster_duckdb import DuckDBResource

from wsrl_assets.llm.roles import Role
from wsrl_assets.pipeline.domains import bring_up_to_date
from wsrl_assets.pipeline.progress import NoProgress
from wsrl_assets.settings import Roles, Settings, load_roles, load_settings
from wsrl_assets.storage import Store
from wsrl_assets.storage.instances import Connection
from wsrl_assets.storage.shared_home import home_folder


@contextmanager
def _connect() -> Iterator[Connection]:
    """An instance by Dagster's resource, which does not close it on an exception: we do."""
    with DuckDBResource(database=":memory:").get_connection() as connection:
        try:
            yield connection
        finally:
            connection.close()


class StoreResource(dg.ConfigurableResource):
    """The DuckDB files.

    Attributes:
        home: folder of all data, or address of a home that hosts share; `WSRL_HOME` if not set.
    """

    home: str | None = None

    def open(self) -> Store:
        """The store, brought to the domains in use."""
        home = home_folder(self.home) if self.home else load_settings().home
        store = Store(home, connect=_connect)
        bring_up_to_date(store)
        return store


class SettingsResource(dg.ConfigurableResource):
    """The settings of a run: those of the environment, with `overrides` over them.

    `wsrl run` puts the settings it was called with here, so that the run's page shows them.

    Attributes:
        overrides: settings by their name in lower case without `WSRL_`, such as `forms`; an empty
            text switches a setting off that the environment sets.
    """

    overrides: dict[str, Any] = {}  # noqa: RUF012 - a config schema, which Dagster copies

    @classmethod
    def of(cls, settings: Settings) -> "SettingsResource":
        """The settings that were set explicitly; none as an empty text, since Dagster's
        configuration takes no null in a map."""
        given = settings.model_dump(mode="json", exclude_unset=True)
        return cls(overrides={key: "" if value is None else value for key, value in given.items()})

    def load(self, launched_with: Mapping[str, Any] | None = None) -> Settings:
        """The settings, with what the launchpad set over them; none there means not set.

        Raises:
            SettingsError: a value that its setting cannot have.
        """
        given = {name: value for name, value in (launched_with or {}).items() if value is not None}
        here = {name: None if value == "" else value for name, value in self.overrides.items()}
        return load_settings({**here, **given})


class EndpointResource(dg.ConfigurableResource):
    """The models. What is not set here comes from `WSRL_LLM_...`; keys come only from there.

    Attributes:
        base_url: of an OpenAI-compatible server, for all roles.
        model: name of the model as served, for all roles.
        judge_base_url, judge_model: the same, for the judge alone.
        policy_base_url, policy_model: the same, for the policy whose pass rates are taken.
        max_in_flight: a fixed ceiling on concurrent calls in place of the adaptive one.
        use_environment: whether `WSRL_LLM_...` fills in what is not set here.
    """

    base_url: str | None = None
    model: str | None = None
    judge_base_url: str | None = None
    judge_model: str | None = None
    policy_base_url: str | None = None
    policy_model: str | None = None
    max_in_flight: int | None = None
    use_environment: bool = True

    def roles(self) -> Roles:
        """The endpoint of each role."""
        return load_roles(
            {
                None: {"base_url": self.base_url, "model": self.model},
                Role.JUDGE: {"base_url": self.judge_base_url, "model": self.judge_model},
                Role.POLICY: {"base_url": self.policy_base_url, "model": self.policy_model},
            },
            use_environment=self.use_environment,
        )


def default_resources() -> dict[str, object]:
    """The resources that the assets need, as the environment sets them, by name."""
    return {
        "store": StoreResource(),
        "endpoint": EndpointResource(),
        "settings": SettingsResource(),
        "progress": NoProgress(),
        "trainers": dg.PipesSubprocessClient(),
    }
