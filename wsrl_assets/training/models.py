"""The model that a proof trains: a folder, a name on the Hub, or the one that comes along."""

from pathlib import Path

from wsrl_assets.serving.readiness import Progress
from wsrl_assets.serving.vllm_python import find_vllm_python
from wsrl_assets.serving.weights import bundled_folder
from wsrl_assets.storage import Store
from wsrl_assets.training.errors import ProofError


def model_named(store: Store, model: str | None, on_progress: Progress | None = None) -> str:
    """The folder or name of a model; without one, the bundled model, converted on first use.

    Raises:
        ProofError: the folder is not there, or holds no model.
        ServingError: the bundled model cannot be converted.
    """
    if not model:
        return str(bundled_folder(store.home, find_vllm_python(), on_progress))
    folder = Path(model).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ProofError(
                f"the folder {model} has no config.json: give --model a folder that transformers "
                "can load"
            )
        return str(folder.resolve())
    if model.startswith(("/", ".", "~")) or model.count("/") > 1:
        raise ProofError(f"there is no folder {model}: give --model a folder or a name on the Hub")
    return model
