"""A push sends the release's very files to a private repository, and only when it is asked to."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from wsrl_assets.release.dataset import Release, build_release
from wsrl_assets.release.folder import CHECKSUMS, broken_files
from wsrl_assets.release.hub import PushError, push
from wsrl_assets.storage import Store
from wsrl_assets_tests.release.hub_server import TOKEN, Hub, Repo, running_hub
from wsrl_assets_tests.release.test_dataset import fill, some

REPO = "somebody/pairs"
COMMAND = "from wsrl_assets.cli import main; main()"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    with running_hub() as hub:
        yield hub


@pytest.fixture
def release(tmp_path: Path) -> Release:
    store = Store(tmp_path / "home [x]")
    fill(store, some(5))
    return build_release(store, "run")


def test_the_files_arrive_as_they_are_in_a_private_repository(hub: Hub, release: Release) -> None:
    done = push(release.folder, REPO, endpoint=hub.url)
    repo = hub.repos[REPO]
    assert repo.files == {path.name: path.read_bytes() for path in release.folder.iterdir()}
    assert (repo.private, done.private) == (True, True)
    assert repo.tags == {release.name: done.commit}
    assert done.url == f"{hub.url}/datasets/{REPO}"


def test_files_that_are_added_go_along_and_the_checksums_hold_for_them(
    hub: Hub, release: Release, tmp_path: Path
) -> None:
    before = {path.name: path.read_bytes() for path in release.folder.iterdir()}
    added = {"README.md": before["README.md"] + b"more", "proof.json": b"{}"}
    push(release.folder, REPO, endpoint=hub.url, added=added)
    sent = hub.repos[REPO].files
    assert {name: sent[name] for name in before | added if name != CHECKSUMS} == {
        name: content for name, content in (before | added).items() if name != CHECKSUMS
    }
    for name, content in sent.items():
        (tmp_path / name).write_bytes(content)
    assert broken_files(tmp_path) == []
    assert b"proof.json" in sent[CHECKSUMS]
    assert {path.name: path.read_bytes() for path in release.folder.iterdir()} == before


def test_a_second_push_goes_to_the_repository_that_is_there(hub: Hub, release: Release) -> None:
    push(release.folder, REPO, endpoint=hub.url)
    assert push(release.folder, REPO, endpoint=hub.url).private
    assert list(hub.repos) == [REPO]


def test_a_public_repository_is_pushed_to_only_if_that_was_asked(
    hub: Hub, release: Release
) -> None:
    hub.repos[REPO] = Repo(private=False)
    with pytest.raises(PushError, match="public repository: add --public"):
        push(release.folder, REPO, endpoint=hub.url)
    assert hub.repos[REPO].files == {}
    assert push(release.folder, REPO, public=True, endpoint=hub.url).private is False
    assert "train.parquet" in hub.repos[REPO].files


def test_a_release_that_was_touched_is_not_pushed(hub: Hub, release: Release) -> None:
    (release.folder / "train.parquet").write_bytes(b"touched")
    with pytest.raises(PushError, match=r"not as it was released \(train.parquet changed"):
        push(release.folder, REPO, endpoint=hub.url)
    assert hub.seen == []


def test_without_a_token_nothing_is_sent(
    hub: Hub, release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    with pytest.raises(PushError, match=r"no token.*HF_TOKEN.*hf auth login"):
        push(release.folder, REPO, endpoint=hub.url)
    assert hub.seen == []


@pytest.mark.parametrize(
    ("repo", "token", "said"),
    [
        ("not a name", TOKEN, "'not a name' is no repository"),
        (REPO, "hf_wrong", f"the Hub refused {REPO}.*token may write"),
    ],
)
def test_what_the_hub_refuses_is_said_in_a_sentence_without_the_token(
    hub: Hub,
    release: Release,
    monkeypatch: pytest.MonkeyPatch,
    repo: str,
    token: str,
    said: str,
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(PushError, match=said) as error:
        push(release.folder, repo, endpoint=hub.url)
    assert token not in str(error.value)
    assert hub.repos == {}


def test_a_hub_that_is_not_there_is_named(hub: Hub, release: Release) -> None:
    with pytest.raises(PushError, match=r"http://127.0.0.1:9 was not reached"):
        push(release.folder, REPO, endpoint="http://127.0.0.1:9")


def test_the_command_pushes_the_current_release(hub: Hub, release: Release) -> None:
    home = release.folder.parents[1]
    command = [sys.executable, "-c", COMMAND, "push", REPO, "--home", str(home)]
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{release.name}: {hub.url}/datasets/{REPO} (private)" in done.stdout
    assert hub.repos[REPO].tags.keys() == {release.name}


def test_no_other_command_speaks_to_the_hub(hub: Hub, release: Release) -> None:
    home = str(release.folder.parents[1])
    for arguments in (["releases"], ["export", "--output", str(Path(home) / "out")]):
        subprocess.run(
            [sys.executable, "-c", COMMAND, *arguments, "--home", home],
            env={**os.environ, "HF_ENDPOINT": hub.url},
            check=True,
            capture_output=True,
        )
    assert hub.seen == []
