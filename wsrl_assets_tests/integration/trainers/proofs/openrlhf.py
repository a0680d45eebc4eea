"""OpenRLHF: PromptDataset, and the executor that imports our file and asks it for a reward."""

import asyncio
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from openrlhf.datasets import PromptDataset
from openrlhf.datasets.utils import blending_datasets
from openrlhf.utils.agent import SingleTurnAgentExecutor

from wsrl_assets_tests.integration.trainers.byte_tokenizer import byte_tokenizer
from wsrl_assets_tests.integration.trainers.proof import Answers, Proof


class Engine:
    """Repeats its input, with the token that ends a turn, as vLLM's tokens have it."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.said = ""

    async def generate(self, *_: Any, **__: Any) -> Any:
        tokens = [*self.tokenizer.encode(self.said), self.tokenizer.eos_token_id]
        output = SimpleNamespace(token_ids=tokens, finish_reason="stop", logprobs=None)
        return SimpleNamespace(outputs=[output])


def prove(folder: Path, answers: Answers) -> Proof:
    options = SimpleNamespace(
        data=SimpleNamespace(
            input_key="input", label_key="label", apply_chat_template=True, image_key="images"
        )
    )
    strategy = SimpleNamespace(args=options, print=print, is_rank_0=lambda: True)
    tokenizer = byte_tokenizer()
    data = blending_datasets(str(folder / "train.jsonl"), None, strategy)
    dataset = PromptDataset(data, tokenizer, strategy)
    executor = SingleTurnAgentExecutor(str(folder / "reward.py"))
    engine = Engine(tokenizer)
    sampling = SimpleNamespace(max_tokens=512, logprobs=None)
    questions = [row["input"][0]["content"] for row in data]

    def reward(index: int, said: str) -> float:
        _, prompt, label, _ = dataset[index]
        engine.said = said
        output = asyncio.run(executor.execute(prompt, label, sampling, 4096, tokenizer, engine))
        assert output["scores"] == output["reward"]
        return float(output["reward"])

    return Proof(
        version("openrlhf"),
        len(dataset),
        [reward(index, answers.of(question)[0]) for index, question in enumerate(questions)],
        [reward(index, answers.of(question)[1]) for index, question in enumerate(questions)],
        {"datasources": sorted(set(dataset.datasources))},
    )
