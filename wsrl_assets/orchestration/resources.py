"""The store and the endpoints as Dagster resources: environment first, the launchpad over it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster_duckdb import DuckDBResource

from wsrl_assets.llm import Role
from wsrl_assets.settings import Roles, load_roles, load_settings
from wsrl_assets.storage import Store
from wsrl_assets.storage.store import Connection


@contextmanager
def _connect(path: Path, read_only: bool) -> Iterator[Connection]:
    """A connection by Dagster's resource, which does not close it on an exception: we do."""
    resource = DuckDBResource(
        database=str(path), connection_config={"access_mode": "READ_ONLY"} if read_only else {}
    )
    with resource.get_connection() as connection:
        try:
            yield connection
        finally:
            connection.close()


class StoreResource(dg.ConfigurableResource):
    """The DuckDB files.

    Attributes:
        home: folder of all data; `WSRL_HOME` if not set.
    """

    home: str | None = None

    def open(self) -> Store:
        home = Path(self.home) if self.home else load_settings().home
        return Store(home, connect=_connect)


class EndpointResource(dg.ConfigurableResource):
    """The models. What is not set here comes from `WSRL_LLM_...`; keys come only from there.

    Attributes:
        base_url: of an OpenAI-compatible server, for all roles.
        model: name of the model as served, for all roles.
        judge_base_url, judge_model: the same, for the judge alone.
        policy_base_url, policy_model: the same, for the policy whose pass rates are taken.
        max_in_flight: a fixed ceiling on concurrent calls in place of the adaptive one.
    """

    base_url: str | None = None
    model: str | None = None
    judge_base_url: str | None = None
    judge_model: str | None = None
    policy_base_url: str | None = None
    policy_model: str | None = None
    max_in_flight: int | None = None

    def roles(self) -> Roles:
        """The endpoint of each role."""
        return load_roles(
            {
                None: {"base_url": self.base_url, "model": self.model},
                Role.JUDGE: {"base_url": self.judge_base_url, "model": self.judge_model},
                Role.POLICY: {"base_url": self.policy_base_url, "model": self.policy_model},
            }
        )
