"""The trainers' interpreter, and what of this package it is given."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import wsrl_assets
from wsrl_assets.release.folder import hidden, put_in_place
from wsrl_assets.training.errors import ProofError

PYTHON_VARIABLE = "WSRL_TRAINERS_PYTHON"
NEEDED = ("torch", "transformers", "trl", "dagster_pipes")
HARNESS = "lm_eval"
_ENVIRONMENT = Path(".venv-trainers")
_PACKAGE = Path(wsrl_assets.__file__).parent
_PROBE_TIMEOUT_S = 60.0
_PROBE = (
    "import importlib.util, sys; "
    "print(' '.join(n for n in sys.argv[1:] if importlib.util.find_spec(n) is None))"
)
# What an arm imports of ours. Not the folder of the package itself: it may lie among packages of
# another environment, which would shadow those of the trainers.
_SHARED = ("__init__.py", "reward", "training/__init__.py", "training/arms")


def find_trainers_python(benchmarks: Sequence[str] = ()) -> Path:
    """`$WSRL_TRAINERS_PYTHON`, else `.venv-trainers` here or beside the package.

    Raises:
        ProofError: there is none, or it lacks what an arm needs.
    """
    python = next(filter(Path.is_file, _candidates()), None)
    if python is None:
        raise ProofError(
            "no environment with trainers was found. Run: make trainers-env (it makes "
            f".venv-trainers in the project's folder), or name the python of one you have in "
            f"{PYTHON_VARIABLE}."
        )
    missing = _missing(python, [*NEEDED, *([HARNESS] if benchmarks else [])])
    if HARNESS in missing:
        raise ProofError(
            f"the proof spec names benchmarks, and {python} has no lm-evaluation-harness: install "
            "lm_eval there, or leave the key benchmarks out"
        )
    if missing:
        raise ProofError(
            f"{python} lacks {', '.join(missing)}: run make trainers-env, or install "
            f"requirements/trainers.txt there, or name another python in {PYTHON_VARIABLE}"
        )
    return python


def share_code(folder: Path) -> Path:
    """Copies what arms import of this package to `folder`, and returns it.

    The copy stays with the proof: it is the code that its figures were made by.
    """
    ignored = shutil.ignore_patterns("__pycache__")
    with hidden(folder.parent) as partial:
        for name in _SHARED:
            source, copy = _PACKAGE / name, partial / _PACKAGE.name / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, copy, ignore=ignored)
            else:
                shutil.copyfile(source, copy)
        put_in_place(partial, folder)
    return folder


def variables(code: Path, *, is_complete: bool) -> dict[str, str]:
    """The variables of an arm's process, over those of ours.

    Args:
        code: see `share_code`.
        is_complete: whether nothing has to be fetched, neither a model nor a benchmark.
    """
    offline = {"HF_HUB_OFFLINE": "1"} if is_complete else {}
    # Threads that wait for one another by spinning take, beside other work, ten times as long.
    threads = {"OMP_WAIT_POLICY": "PASSIVE", "TOKENIZERS_PARALLELISM": "false"}
    return {"PYTHONPATH": str(code), **threads, **offline}


def _candidates() -> Iterator[Path]:
    named = os.environ.get(PYTHON_VARIABLE)
    if named:
        yield Path(named).expanduser()
        return
    for root in (Path.cwd(), _PACKAGE.parent):
        yield root / _ENVIRONMENT / "bin" / "python"


def _missing(python: Path, names: Sequence[str]) -> list[str]:
    try:
        done = subprocess.run(
            [str(python), "-c", _PROBE, *names],
            capture_output=True,
            text=True,
            check=True,
            timeout=_PROBE_TIMEOUT_S,
        )
    except (OSError, subprocess.SubprocessError):
        raise ProofError(
            f"{python} is no Python that runs: name another in {PYTHON_VARIABLE}, or run "
            "make trainers-env"
        ) from None
    return done.stdout.split()
