"""`wsrl run --until-pairs`, `--budget` and `wsrl preview`, on a simulated server."""

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from simulator import SimulatorProcess, simulator_process
from simulator.replies import schema_name
from wsrl_assets.cli.common import parse_budget
from wsrl_assets.pipeline.goal import accepted_pairs
from wsrl_assets.settings import SettingsError
from wsrl_assets.sources.ingest import register
from wsrl_assets.storage import Store, catalog, typed_query
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets_tests.cli.test_cli import Done, wsrl
from wsrl_assets_tests.factories import document_text, honest_reply, quick

COUNT = 32
DOMAINS = (Domain.MATH, Domain.CODING)


def reply(body: dict[str, Any], rng: Random) -> str:
    """The honest model, to which a quarter of the documents is of one domain."""
    said = json.loads(honest_reply(body, rng))
    if schema_name(body) == "triage":
        prompt = body["messages"][-1]["content"]
        said["domain"] = DOMAINS[zlib.crc32(prompt[:200].encode()) % 4 == 0].label
    return json.dumps(said)


@dataclass(frozen=True)
class Home:
    """A home with documents that no model has read, and a server."""

    path: Path
    simulator: SimulatorProcess

    def wsrl(self, *arguments: str) -> Done:
        """A command, of one persona a document and few calls at a time."""
        environment = {
            "WSRL_LLM_BASE_URL": self.simulator.base_url,
            "WSRL_PERSONAS": "1",
            "WSRL_MAX_IN_FLIGHT": "2",
        }
        return wsrl(self.path, *arguments, **environment)

    @property
    def calls(self) -> int:
        return self.simulator.stats().requests_received


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorProcess]:
    with simulator_process(quick(reply=reply)) as process:
        yield process


@pytest.fixture
def home(tmp_path: Path, simulator: SimulatorProcess) -> Home:
    path = tmp_path / "a.jsonl"
    lines = [json.dumps({"text": document_text(number)}) for number in range(COUNT)]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    register(Store(tmp_path / "home"), path)
    return Home(tmp_path / "home", simulator)


def test_a_run_stops_at_its_pairs_evenly_over_domains(home: Home) -> None:
    done = home.wsrl("run", "--until-pairs", "8")
    assert done.returncode == 0, done.stderr
    first = accepted_pairs(Store(home.path))
    assert 8 <= sum(first.values()) <= 8 + 2 * len(DOMAINS) * 2
    # What one domain goes over by, the one that begins later is not asked for.
    assert all(first[domain] >= 2 for domain in DOMAINS)
    assert "asked for" in done.stdout
    calls = home.calls
    home.wsrl("run", "--until-pairs", "8")
    assert home.calls == calls, "what is reached costs nothing"


def test_what_a_domain_lacks_is_asked_of_the_others(home: Home) -> None:
    home.wsrl("run", "--until-pairs", "28")
    found = accepted_pairs(Store(home.path))
    assert found[Domain.CODING] < 14 < found[Domain.MATH]
    assert sum(found.values()) >= 28


def test_a_budget_is_kept_over_all_domains(home: Home) -> None:
    home.wsrl("run", "--until-pairs", "4")
    spent = _tokens(home)
    home.wsrl("run", "--budget", str(spent))
    used = _tokens(home) - spent
    assert 0.5 * spent < used < 1.6 * spent
    assert 0 < sum(accepted_pairs(Store(home.path)).values()) < COUNT


def _tokens(home: Home) -> int:
    with catalog(Store(home.path)) as connection:
        query = "SELECT sum(prompt_tokens + completion_tokens) FROM llm_calls"
        _, ((tokens,),) = typed_query(connection, query)
    return int(tokens)


def test_a_preview_shows_pairs_and_touches_no_table(home: Home) -> None:
    assert home.wsrl("run", "--to", "source_documents").returncode == 0
    before = {path: path.read_bytes() for path in home.path.rglob("*.duckdb")}
    done = home.wsrl("preview", "--documents", "6")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("verdict") == 6
    assert "6 documents, 6 drafts, 6 accepted" in done.stdout
    assert {path: path.read_bytes() for path in home.path.rglob("*.duckdb")} == before
    found = json.loads(home.wsrl("preview", "--documents", "6", "--json").stdout)
    assert (found["documents"], found["accepted"], len(found["drafts"])) == (6, 6, 6)
    assert found["tokens"] > 0


def test_a_preview_of_nothing_says_how_to_begin(home: Home) -> None:
    done = home.wsrl("preview")
    assert done.returncode == 2
    assert "wsrl run --to source_documents" in done.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("500000", {"budget_tokens": 500_000}),
        ("500,000", {"budget_tokens": 500_000}),
        ("2M", {"budget_tokens": 2_000_000}),
        ("1.5k", {"budget_tokens": 1_500}),
        ("cost=5", {"budget_cost": 5.0}),
        ("cost = 0.25", {"budget_cost": 0.25}),
        (None, {}),
    ],
)
def test_a_budget_is_tokens_or_a_price(text: str | None, expected: dict[str, Any]) -> None:
    assert parse_budget(text) == expected


@pytest.mark.parametrize("text", ["", "much", "5 dollars", "-5", "cost=", "cost=-1", "1e6"])
def test_any_other_budget_is_one_sentence(text: str) -> None:
    with pytest.raises(SettingsError, match="--budget"):
        parse_budget(text)


def test_a_goal_and_a_regeneration_do_not_go_together(home: Home) -> None:
    done = home.wsrl("run", "--until-pairs", "8", "--regenerate", "qa_drafts")
    assert done.returncode == 2
    assert "without a budget" in done.stderr
