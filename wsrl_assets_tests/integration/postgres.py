"""A Postgres server of Debian's package on a temporary folder."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_PATIENCE_S = 60.0
_USER = "dagster"
# Postgres does not run as root: its package's own user runs it then.
_RUNS_AS = "postgres"


def programs() -> Path | None:
    """The folder of `postgres` and `initdb`, the newest version's; None if there is none."""
    found = shutil.which("postgres")
    if found is not None:
        return Path(found).resolve().parent
    versions = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.is_dir()]
    return max(versions, key=lambda path: int(path.parent.name), default=None)


def missing() -> str | None:
    """Why no server can be started here; None if one can."""
    if programs() is None:
        return "there is no Postgres here (Debian's package postgresql)"
    if os.getuid() == 0 and _RUNS_AS not in {user.pw_name for user in pwd.getpwall()}:
        return "Postgres does not run as root, and there is no user postgres"
    return None


@contextmanager
def postgres(password: str) -> Iterator[Mapping[str, str]]:
    """A server that asks for a password, on a socket alone; yields libpq's environment for it."""
    binaries = programs()
    assert binaries is not None
    # Not pytest's folder: its parents are closed to others, and the paths of sockets must be short.
    folder = Path(tempfile.mkdtemp(prefix="wsrl-postgres-"))
    owner: dict[str, Any] = {}
    if os.getuid() == 0:
        shutil.chown(folder, _RUNS_AS, _RUNS_AS)
        owner = {"user": _RUNS_AS, "group": _RUNS_AS, "extra_groups": []}
    environment = {
        "PGHOST": str(folder),
        "PGUSER": _USER,
        "PGPASSWORD": password,
        "PGDATABASE": "postgres",
    }

    def run(*command: object, **others: Any) -> None:
        name, *arguments = map(str, command)
        subprocess.run(
            [str(binaries / name), *arguments],
            cwd=folder,
            env={**os.environ, **environment},
            check=True,
            stdout=subprocess.DEVNULL,
            **others,
        )

    secret = folder / "password"
    secret.write_text(password)
    secret.chmod(0o644)
    try:
        data = ("-D", folder / "data")
        asking = ("--auth", "scram-sha-256", "--username", _USER, "--pwfile", secret)
        run("initdb", *data, *asking, "--no-sync", **owner)
        secret.unlink()
        command = [binaries / "postgres", *data, "-k", folder, "-c", "listen_addresses="]
        with _server(command, folder, owner):
            _until_ready(binaries, environment)
            run("createdb", "dagster")
            yield {**environment, "PGDATABASE": "dagster"}
    finally:
        shutil.rmtree(folder)


@contextmanager
def _server(command: Sequence[Any], folder: Path, owner: Mapping[str, Any]) -> Iterator[None]:
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL, **owner) as server:
        try:
            yield
        finally:
            server.send_signal(signal.SIGINT)  # "fast": it does not wait for clients to leave


def _until_ready(binaries: Path, environment: Mapping[str, str]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    asking = [str(binaries / "pg_isready"), "--quiet"]
    while subprocess.run(asking, env={**os.environ, **environment}).returncode != 0:
        assert time.monotonic() < deadline, f"Postgres was not there after {_PATIENCE_S:.0f} s"
        time.sleep(0.1)
