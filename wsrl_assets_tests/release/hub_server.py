"""A small stand-in for the Hub: repositories of regular files, commits, tags, tokens.

It speaks as much of the Hub's protocol as an upload of small files needs. Large files go to the
Hub's storage by another protocol (Xet), which it does not have.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import yaml

TOKEN = "hf_of_the_stand_in"


@dataclass
class Repo:
    """A repository: its files by path, and what was committed and tagged."""

    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class Hub:
    """The stand-in's state; `seen` has every request, as method and path."""

    url: str = ""
    repos: dict[str, Repo] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)


@contextmanager
def running_hub() -> Iterator[Hub]:
    """Serves until the block ends."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"] or 0)))

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self, body: bytes) -> None:
            path = self.path.partition("?")[0]
            hub.seen.append(f"{self.command} {path}")
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self._send(401, {"error": "Invalid credentials in Authorization header"})
                return
            status, reply = _respond(hub, path.strip("/").split("/"), body)
            self._send(status, reply)

        def _send(self, status: int, reply: dict[str, Any] | list[Any]) -> None:
            data = json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler


def _respond(hub: Hub, path: list[str], body: bytes) -> tuple[int, dict[str, Any] | list[Any]]:
    match path:
        case ["api", "repos", "create"]:
            return _create(hub, json.loads(body))
        case ["api", "validate-yaml"]:
            return 200, {"errors": _card_errors(json.loads(body)["content"]), "warnings": []}
        case ["api", "datasets", owner, name, *rest]:
            repo_id = f"{owner}/{name}"
            if repo_id not in hub.repos:
                return 404, {"error": "Repository not found"}
            return _of_repo(f"{hub.url}/datasets/{repo_id}", hub.repos[repo_id], rest, body)
        case _:
            return 404, {"error": f"the stand-in has no {'/'.join(path)}"}


def _create(hub: Hub, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    assert asked["type"] == "dataset"
    repo_id = f"{asked.get('organization') or 'somebody'}/{asked['name']}"
    url = f"{hub.url}/datasets/{repo_id}"
    if repo_id in hub.repos:
        return 409, {"error": "You already created this dataset repo", "url": url}
    hub.repos[repo_id] = Repo(private=asked.get("private") or asked.get("visibility") == "private")
    return 200, {"url": url}


def _card_errors(card: str) -> list[dict[str, str]]:
    """Much less than the Hub looks for: that there is a header, and that it is YAML."""
    try:
        header = yaml.safe_load(card.split("---\n")[1])
    except (IndexError, yaml.YAMLError) as error:
        return [{"message": str(error)}]
    return [] if isinstance(header, dict) else [{"message": "no header"}]


def _of_repo(
    url: str, repo: Repo, rest: list[str], body: bytes
) -> tuple[int, dict[str, Any] | list[Any]]:
    match rest:
        case [] | ["revision", _]:
            head = repo.commits[-1] if repo.commits else "0" * 40
            siblings = [{"rfilename": path} for path in repo.files]
            repo_id = "/".join(url.split("/")[-2:])
            return 200, {"id": repo_id, "sha": head, "private": repo.private, "siblings": siblings}
        case ["preupload", _]:
            return 200, {"files": [_mode(file) for file in json.loads(body)["files"]]}
        case ["commit", _]:
            return 200, _commit(url, repo, [json.loads(line) for line in body.splitlines() if line])
        case ["tag", revision]:
            repo.tags[json.loads(body)["tag"]] = revision
            return 200, {}
        case _:
            return 404, {"error": f"the stand-in has no {'/'.join(rest)}"}


def _mode(file: dict[str, Any]) -> dict[str, Any]:
    return {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False, "oid": None}


def _commit(url: str, repo: Repo, lines: list[dict[str, Any]]) -> dict[str, Any]:
    for line in lines:
        if line["key"] == "file":
            repo.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
    oid = hashlib.sha1(json.dumps(lines).encode()).hexdigest()
    repo.commits.append(oid)
    return {"success": True, "commitOid": oid, "commitUrl": f"{url}/commit/{oid}"}
