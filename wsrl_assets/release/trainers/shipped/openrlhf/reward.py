"""The reward in OpenRLHF's signature: `--reward.remote_url reward.py`."""

import re
from typing import Any

from wsrl_assets.reward import score_rollout

# What ends a response where special tokens are kept: <|im_end|>, </s>, <end_of_turn> and kin.
_END = re.compile(r"(?:[|\uff5c\]]>|\[\|?[\w/]+\|?\]|</?\w+>)\s*\Z")
_TAIL_CHARACTERS = 200


def reward_func(queries: list[str], prompts: list[str], labels: list[str]) -> dict[str, Any]:
    """1.0 when the final answer of the response is the gold answer, else 0.0.

    OpenRLHF asks for one query at a time, and takes numbers: without a verdict the reward is 0.0,
    which the log `undecided` counts. A response that ends in no special token was cut off.
    """
    responses = [response_of(query, prompt) for query, prompt in zip(queries, prompts, strict=True)]
    results = [
        score_rollout(response, label, _END.search(response) is None)
        for response, label in zip(responses, labels, strict=True)
    ]
    rewards = [float(result.value) for result in results]
    logs = {
        "answered": [float(result.extracted is not None) for result in results],
        "undecided": [float(not result.decided) for result in results],
    }
    if len(rewards) == 1:
        return {
            "rewards": rewards[0],
            "scores": rewards[0],
            "extra_logs": {name: values[0] for name, values in logs.items()},
        }
    return {"rewards": rewards, "scores": rewards, "extra_logs": logs}


def response_of(query: str, prompt: str) -> str:
    """The response alone: a query is the prompt and the response, with the special tokens.

    A tokenizer may have changed the spacing of the prompt, and a long one loses its beginning, so
    its last words are looked for. Where they are not found there is nothing to score.
    """
    if query.startswith(prompt):
        response = query[len(prompt) :]
    else:
        words = prompt[-_TAIL_CHARACTERS:].split()[1:]
        found = re.search(r"\s*".join(map(re.escape, words)), query) if words else None
        response = query[found.end() :] if found else ""
    return response
