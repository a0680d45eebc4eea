"""The reward in OpenRLHF's signature: `--reward.remote_url reward.py`."""

import re
from typing import Any

from wsrl_assets.reward import Gold, score

# What may end a response where special tokens are kept: <|im_end|>, </s>, <end_of_turn> and kin.
_END = re.compile(
    r"(?:\s*(?:<[|\uff5c][^<>\s]{1,40}[|\uff5c]>|</s>|<eos>|<pad>|<end_of_turn>))+\s*\Z"
)
_TAIL_CHARACTERS = 200


def reward_func(queries: list[str], prompts: list[str], labels: list[str]) -> dict[str, Any]:
    """1.0 when the final answer of the response is the gold answer, else 0.0.

    OpenRLHF asks for one query at a time, and takes numbers.
    """
    results = [
        score(response_of(query, prompt), Gold.from_json(label))
        for query, prompt, label in zip(queries, prompts, labels, strict=True)
    ]
    rewards = [float(result.value) for result in results]
    answered = [float(result.extracted is not None) for result in results]
    if len(rewards) == 1:
        return {
            "rewards": rewards[0],
            "scores": rewards[0],
            "extra_logs": {"answered": answered[0]},
        }
    return {"rewards": rewards, "scores": rewards, "extra_logs": {"answered": answered}}


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
    return _END.sub("", response)
