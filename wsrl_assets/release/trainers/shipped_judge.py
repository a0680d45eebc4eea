"""The judge of explanations where a trainer runs its rewards: any OpenAI-compatible endpoint.

Pairs of the form `rubric` take one. Set WSRL_LLM_JUDGE_BASE_URL (such as http://host:8000/v1),
WSRL_LLM_JUDGE_MODEL and, if the endpoint wants one, WSRL_LLM_JUDGE_API_KEY for the process that
runs the reward. Needs the reward package and the standard library.
"""

import json
import os
import time
import urllib.request
from collections.abc import Callable
from functools import cache
from typing import Any

from wsrl_assets.reward import Asked, read_word

_TRIES = 3
_PAUSE_S = 1.0
_TIMEOUT_S = 60.0
# Room for a judge that thinks before its word.
_MAX_TOKENS = 1_024


@cache
def judge_from_environment() -> Callable[[Asked], bool | None]:
    """A judge that says yes, no, or None where the model said neither.

    Raises:
        RuntimeError: names the variable that is not set.
    """
    base_url = _variable("BASE_URL").rstrip("/")
    model = _variable("MODEL")
    if not base_url.startswith(("http://", "https://")):
        raise RuntimeError("WSRL_LLM_JUDGE_BASE_URL must begin with http:// or https://")
    headers = {"Content-Type": "application/json"}
    key = os.environ.get("WSRL_LLM_JUDGE_API_KEY")
    if key:
        headers["Authorization"] = f"Bearer {key}"

    def judge(asked: Asked) -> bool | None:
        body = {
            "model": model,
            "messages": [{"role": "user", "content": asked.prompt}],
            "temperature": 0,
            "max_tokens": _MAX_TOKENS,
        }
        reply = _posted(f"{base_url}/chat/completions", json.dumps(body).encode(), headers)
        return read_word(reply["choices"][0]["message"]["content"] or "")

    return judge


def _variable(name: str) -> str:
    value = os.environ.get(f"WSRL_LLM_JUDGE_{name}")
    if not value:
        raise RuntimeError(
            f"pairs of the form rubric are scored by a judge: set WSRL_LLM_JUDGE_{name}, or leave "
            "out the rows whose gold has the type rubric"
        )
    return value


def _posted(url: str, body: bytes, headers: dict[str, str]) -> Any:
    """The reply to a request, after a few tries; the last fault is the caller's."""
    for left in reversed(range(_TRIES)):
        request = urllib.request.Request(url, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as reply:
                return json.load(reply)
        except OSError:
            if not left:
                raise
            time.sleep(_PAUSE_S)
    raise AssertionError("the last try returns or raises")
