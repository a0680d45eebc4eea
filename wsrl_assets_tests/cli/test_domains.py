"""`WSRL_DOMAINS`: commands and Dagster follow a file of domains, also when it changes."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import polars as pl
import pytest
import yaml

from simulator import SimulatorProcess, simulator_process
from wsrl_assets.release.dataset import current_release
from wsrl_assets.storage import Store
from wsrl_assets_tests.cli.test_cli import wsrl
from wsrl_assets_tests.factories import document_text, quick
from wsrl_assets_tests.pipeline.test_domains import fits
from wsrl_assets_tests.reporting.test_coverage import taken
from wsrl_assets_tests.reporting.test_topics import TOPICS

OTHERS = [
    {"slug": "education", "label": "Education", "definition": "schools"},
    {"slug": "coding", "label": "Coding", "definition": "programs"},
]
LAW = {"slug": "law", "label": "Law", "definition": "courts"}


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorProcess]:
    with simulator_process(quick(reply=fits)) as process:
        yield process


def command(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own: a process has one set of domains."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("WSRL_", "DAGSTER_"))}
    return subprocess.run(
        [sys.executable, "-m", "wsrl_assets.cli", *arguments],
        env={**clean, "WSRL_HOME": str(home), "COLUMNS": "160", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def written(path: Path, *domains: dict[str, str]) -> str:
    path.write_text(yaml.safe_dump({"domains": list(domains)}), "utf-8")
    return str(path)


def test_a_home_of_own_domains_gets_another_one_and_retires_one(
    tmp_path: Path, simulator: SimulatorProcess
) -> None:
    home, file = tmp_path / "home", tmp_path / "domains.yaml"
    topics = ("trial", "trial", "lesson", "script", "match")
    texts = [{"text": document_text(n, f"topic-{topic}")} for n, topic in enumerate(topics)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, texts)), "utf-8")
    environment = {
        "WSRL_LLM_BASE_URL": simulator.base_url,
        "WSRL_PERSONAS": "1",
        "WSRL_DOMAINS": written(file, *OTHERS),
    }
    assert command(home, "ingest", str(tmp_path / "a.jsonl"), **environment).returncode == 0
    done = command(home, "run", **environment)
    assert done.returncode == 0, done.stderr
    before = simulator.stats().requests_received

    written(file, OTHERS[0], LAW)
    said = command(home, "status", **environment).stdout
    assert "retired domains" in said
    assert "coding" in said
    again = command(home, "run", **environment)
    assert again.returncode == 0, again.stderr
    assert simulator.stats().requests_received - before == 3, "those of other were triaged again"
    release = current_release(Store(home))
    found = pl.concat(pl.read_parquet(path) for path in release.glob("*.parquet"))
    assert Counter(found["domain"]) == {"Law": 2, "Education": 1, "Other": 1}
    assert "Law" in (release / "README.md").read_text("utf-8")


def test_dagster_has_a_partition_for_each_domain_of_the_file(tmp_path: Path) -> None:
    environment = {"WSRL_DOMAINS": written(tmp_path / "domains.yaml", LAW)}
    code = (
        "from wsrl_assets.orchestration.definitions import defs\n"
        "job = defs.resolve_job_def('advance_domain')\n"
        "print(*job.partitions_def.get_partition_keys())\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert found.stdout.split() == ["law", "other"], found.stderr


def test_a_mistake_in_the_file_is_one_sentence(tmp_path: Path) -> None:
    file = written(tmp_path / "domains.yaml", {**LAW, "wieght": "2"})
    done = wsrl(tmp_path, "status", WSRL_DOMAINS=file)
    assert done.returncode == 2
    assert "domain law, there is no key 'wieght'; did you mean weight?" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_proposed_domain_is_edited_and_then_takes_its_documents_in(
    tmp_path: Path, simulator: SimulatorProcess
) -> None:
    home, file = tmp_path / "home", tmp_path / "mine.yaml"
    rng, law = Random(3), TOPICS["law"]
    texts = [f"{' '.join(rng.choices(law, k=30))} topic-trial" for _ in range(24)]
    texts += ["topic-match"] * 24
    lines = [json.dumps({"text": document_text(n, text)}) for n, text in enumerate(texts)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), "utf-8")
    environment = {"WSRL_LLM_BASE_URL": simulator.base_url, "COLUMNS": "80"}
    assert command(home, "ingest", str(tmp_path / "a.jsonl"), **environment).returncode == 0
    done = command(home, "run", "--to", "filtered_documents", **environment)
    assert done.returncode == 0, done.stderr
    proposed = command(home, "domains", "propose", "--output", str(file), **environment)
    assert proposed.returncode == 0, proposed.stderr
    assert "24 documents, 50% of Other" in proposed.stdout
    assert command(home, "domains", "propose", "--output", str(file)).returncode == 2
    said = json.loads(command(home, "domains", "propose", "--json").stdout)
    assert [one["documents"] for one in said["proposals"]] == [24]

    text = taken(file.read_text("utf-8"))
    slug, label = (said["proposals"][0]["facts"][key] for key in ("slug", "label"))
    file.write_text(text.replace(f"label: {label}", "label: Law"), "utf-8")
    before = simulator.stats().requests_received
    environment["WSRL_DOMAINS"] = str(file)
    again = command(home, "run", "--to", "filtered_documents", **environment)
    assert again.returncode == 0, again.stderr
    assert simulator.stats().requests_received - before == 48
    query = (
        "SELECT \"partition\", count(*) FROM filtered_documents WHERE status = 'kept' GROUP BY 1"
    )
    found = command(home, "sql", "--json", query, **environment).stdout
    assert sorted(tuple(row.values()) for row in json.loads(found)) == [(slug, 24), ("other", 24)]
