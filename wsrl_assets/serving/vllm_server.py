"""Real vLLM: the server of production, in an environment of its own."""

from pathlib import Path

from wsrl_assets.serving import weights
from wsrl_assets.serving.host import require_memory
from wsrl_assets.serving.launch import SPARING_THREADS, Launch, Request
from wsrl_assets.serving.readiness import Progress
from wsrl_assets.serving.vllm_python import VllmPython, environment_for, find_vllm_python

_GIB = 1024**3
_MEMORY_ON_CPU_BYTES = 5 * _GIB  # 3.9 GiB were seen with the 135M model and 1 GiB of KV cache
_STARTUP_TIMEOUT_S = 600.0

# Small models otherwise fill the JSON with newlines until they are cut off.
_STRUCTURED_OUTPUTS = '{"backend": "xgrammar", "disable_any_whitespace": true}'

# On CPU: compiling would add two minutes to the start; blocks of 128 tokens, the default there,
# miss prefixes that are shared by less; and 16 sequences are what two cores can move.
# Prompts are read at once, since a request with a seed whose prompt is read in pieces takes the CPU
# server down ("CPU Generator does not use offset").
_CPU_FLAGS = (
    *("--dtype", "bfloat16", "--enforce-eager", "--block-size", "32"),
    "--no-enable-chunked-prefill",
)
_CPU_PARALLEL = 16
_CPU_ENVIRONMENT = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_NUM_OF_RESERVED_CPU": "0",
    **SPARING_THREADS,
}
_QUIET = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}


def prepare(request: Request, on_progress: Progress | None) -> Launch:
    """The command for vLLM's server; the bundled model is converted for it on first use.

    Raises:
        ServingError: environment, memory or weights are missing, or the conversion failed.
    """
    python = find_vllm_python()
    if python.cpu:
        require_memory(
            _MEMORY_ON_CPU_BYTES,
            "vLLM on CPU",
            "Close other programs, or use --engine embedded, which needs about 1 GiB.",
        )
    bundled = request.model is None
    source = request.model or str(weights.bundled_folder(request.home, python, on_progress))
    name = weights.MODEL_NAME if bundled else source
    return Launch(
        title=f"vLLM {python.version}",
        command=_command(request, python, source, name),
        environment=_environment(python, source),
        model=name,
        startup_timeout_s=_STARTUP_TIMEOUT_S,
    )


def _command(request: Request, python: VllmPython, source: str, name: str) -> list[str]:
    # Not the `vllm` command: that of the CPU build stops over its own distribution's name.
    command = [str(python.python), "-m", "vllm.entrypoints.openai.api_server"]
    command += ["--model", source, "--served-model-name", name]
    command += ["--host", request.host, "--port", str(request.port)]
    command += ["--max-model-len", str(request.context_tokens)]
    command += ["--structured-outputs-config", _STRUCTURED_OUTPUTS]
    command += ["--enable-prompt-tokens-details"]  # else usage does not tell cached tokens
    command += ["--disable-uvicorn-access-log"]  # a line per request and per health check
    parallel = request.parallel or (_CPU_PARALLEL if python.cpu else None)
    if parallel is not None:
        command += ["--max-num-seqs", str(parallel)]
    if python.cpu:
        command += _CPU_FLAGS
    return command


def _environment(python: VllmPython, source: str) -> dict[str, str]:
    environment = environment_for(python) | _QUIET
    if Path(source).is_dir():
        environment["HF_HUB_OFFLINE"] = "1"  # nothing to fetch, so never ask
    if python.cpu:
        # The user's own choice of these wins.
        environment = _CPU_ENVIRONMENT | environment
    return environment
