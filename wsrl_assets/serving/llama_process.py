"""The embedded server's process: `python -P llama_process.py SETTINGS`.

`SETTINGS` is a JSON object of llama.cpp parameters by their `xllamacpp.CommonParams` name, a dot
for a parameter inside another (`cpuparams.n_threads`). What to set is decided in `embedded.py`;
this file only carries it out, in a process that can be ended without harm to the pipeline.
"""

import importlib
import json
import signal
import sys
from typing import Any


def main(settings: dict[str, Any]) -> None:
    """Serve until a signal ends the process. An unknown parameter is an AttributeError."""
    llama = importlib.import_module("xllamacpp")  # no types, and not there without the extra
    params = llama.CommonParams()
    for name, value in settings.items():
        _assign(params, name, value)
    server = llama.Server(params)  # loads the model and serves from threads of its own
    print(f"serving at {server.listening_address}", flush=True)
    while True:
        signal.pause()


def _assign(params: Any, name: str, value: Any) -> None:
    *path, last = name.split(".")
    for part in path:
        params = getattr(params, part)
    kind = type(getattr(params, last))
    # Sets and enums have no form of their own in JSON.
    setattr(params, last, value if isinstance(value, kind) else kind(value))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
