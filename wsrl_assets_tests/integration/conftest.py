"""One real vLLM server, and one home that the whole job has run on, for all tests here."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from wsrl_assets.orchestration.runs import RunSummary, dagster_home, materialize_pending
from wsrl_assets.samples import corpus_dir
from wsrl_assets.serving import ServedEndpoint, ServerEngine, serve
from wsrl_assets.settings import Settings, load_settings
from wsrl_assets.sources.ingest import register
from wsrl_assets.storage import Store

DOCUMENTS = 6


@dataclass(frozen=True)
class Job:
    """A home after `wsrl run`, with the server that answered."""

    endpoint: ServedEndpoint
    store: Store
    settings: Settings
    outcome: RunSummary


@pytest.fixture(scope="session")
def vllm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedEndpoint]:
    """SmolLM2-135M-Instruct under real vLLM, on CPU."""
    home = tmp_path_factory.mktemp("endpoint")
    with serve(ServerEngine.VLLM, home=home) as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def job(vllm: ServedEndpoint, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """Six documents through every asset, by Dagster's own execution."""
    home = tmp_path_factory.mktemp("home")
    os.environ.update(
        {
            "WSRL_HOME": str(home),
            "WSRL_LLM_BASE_URL": vllm.base_url,
            "WSRL_FORMS": "open,cloze",
            "WSRL_PERSONAS": "2",
            # A judge of this size says no to everything.
            "WSRL_JUDGE": "false",
        }
    )
    os.environ.pop("DAGSTER_HOME", None)
    dagster_home(home)
    store, settings = Store(home), load_settings()
    register(store, _six_documents(home))
    return Job(vllm, store, settings, materialize_pending(store, settings))


def _six_documents(home: Path) -> Path:
    lines = (corpus_dir() / "encyclopedia.jsonl").read_text("utf-8").splitlines()
    documents = sorted((json.loads(line) for line in lines), key=lambda d: len(d["text"]))
    path = home / "six.jsonl"
    path.write_text("\n".join(json.dumps(d) for d in documents[:DOCUMENTS]) + "\n", "utf-8")
    return path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here waits for live servers, within bounds."""
    for item in items:
        if "integration" in item.path.parts:
            item.add_marker(pytest.mark.timing)
