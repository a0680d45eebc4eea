"""The shipped rewards that need no trainer: 1.0 for the gold of every type, 0.0 for a near miss."""

import asyncio
from types import ModuleType, SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsrl_assets_tests.release.trainers.exported import PAIRS, Pair, exported, load


@pytest.fixture(scope="module")
def rewards(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModuleType]:
    """The reward files out of exports, by format, each loaded by its path."""
    names = ("verl", "trl", "openrlhf", "slime", "webscale")
    folder = tmp_path_factory.mktemp("exports")
    return {name: load(exported(folder / name, name) / "reward.py") for name in names}


def said(pair: Pair) -> tuple[tuple[str, float], ...]:
    return (pair.right, 1.0), (pair.wrong, 0.0), ("", 0.0), ("Answer:", 0.0)


def test_verl_calls_by_keyword_and_gets_a_number(rewards: dict[str, ModuleType]) -> None:
    for pair in PAIRS:
        for response, reward in said(pair):
            given = {
                "data_source": "wsrl-assets",
                "solution_str": response,
                "ground_truth": pair.gold.to_json(),
                "extra_info": {"index": 0, "num_turns": None},
                "reward_router_address": None,
            }
            assert rewards["verl"].compute_score(**given) == reward


def test_trl_gives_texts_or_messages_and_every_column(rewards: dict[str, ModuleType]) -> None:
    golds = [pair.gold.to_json() for pair in PAIRS for _ in said(pair)]
    texts = [response for pair in PAIRS for response, _ in said(pair)]
    expected = [reward for pair in PAIRS for _, reward in said(pair)]
    chats = [[{"role": "assistant", "content": text}] for text in texts]
    for completions in (texts, chats):
        got = rewards["trl"].gold_reward(
            prompts=[""] * len(texts),
            completions=completions,
            completion_ids=[[1]] * len(texts),
            gold=golds,
            domain=["Math"] * len(texts),
            trainer_state=None,
        )
        assert got == expected
    nothing: tuple[list[dict[str, object]], ...] = (
        [],
        [{"role": "assistant", "content": None}],
        [{"role": "assistant"}],
    )
    golds = [PAIRS[0].gold.to_json()] * 3
    assert rewards["trl"].gold_reward([""] * 3, nothing, golds) == [0.0] * 3


def test_slime_awaits_one_sample_or_a_group(rewards: dict[str, ModuleType]) -> None:
    async def score(sample: object) -> object:
        return await rewards["slime"].gold_reward(SimpleNamespace(), sample, evaluation=True)

    for pair in PAIRS:
        samples = [
            SimpleNamespace(response=response, label=pair.gold.to_json(), metadata={})
            for response, _ in said(pair)
        ]
        expected = [reward for _, reward in said(pair)]
        assert asyncio.run(score(samples)) == expected
        assert [asyncio.run(score(sample)) for sample in samples] == expected


def test_webscale_infers_the_type_from_the_answer(rewards: dict[str, ModuleType]) -> None:
    reward = rewards["webscale"].gold_reward
    assert reward("It is long. Answer: 5,000 m", "5 km") == 1.0
    assert reward("It is long. Answer: 5", "5 km") == 0.0
    assert reward("Answer: 20 July 1969", "July 20, 1969") == 1.0
    assert reward("Answer: anything", "") == 0.0


RARE = ("<end_of_turn>\n", "<\uff5cend\u2581of\u2581sentence\uff5c>", "<|return|>")
"""Marks of Gemma, DeepSeek and gpt-oss."""


class TestOpenRLHF:
    PROMPT = (
        "<|im_start|>user\nWhich year?\n\nEnd with 'Answer:'.<|im_end|>\n<|im_start|>assistant\n"
    )

    def test_a_query_is_prompt_and_response_with_special_tokens(
        self, rewards: dict[str, ModuleType]
    ) -> None:
        for pair in PAIRS:
            for response, reward in said(pair):
                for end in (
                    "<|im_end|>",
                    "<|im_end|>\n",
                    "</s>",
                    "<|eot_id|><|endoftext|>",
                    *RARE,
                ):
                    query = self.PROMPT + response + end
                    got = rewards["openrlhf"].reward_func(
                        [query], [self.PROMPT], [pair.gold.to_json()]
                    )
                    assert (got["rewards"], got["scores"]) == (reward, reward), query

    def test_a_prompt_that_came_back_with_other_spaces_or_cut_is_still_cut_off(
        self, rewards: dict[str, ModuleType]
    ) -> None:
        changed = self.PROMPT.replace("\n", " ").removeprefix("<|im_start|>user ")
        response = rewards["openrlhf"].response_of(changed + "Answer: 12<|im_end|>", self.PROMPT)
        assert response.strip() == "Answer: 12<|im_end|>"

    def test_without_its_prompt_a_query_holds_no_response(
        self, rewards: dict[str, ModuleType]
    ) -> None:
        gold = PAIRS[0].gold.to_json()
        got = rewards["openrlhf"].reward_func(["Answer: 12"], [self.PROMPT], [gold])
        assert got == {
            "rewards": 0.0,
            "scores": 0.0,
            "extra_logs": {"answered": 0.0, "undecided": 0.0},
        }

    def test_several_at_once_make_lists(self, rewards: dict[str, ModuleType]) -> None:
        pairs = PAIRS[:3]
        got = rewards["openrlhf"].reward_func(
            [f"{self.PROMPT}{pair.right}</s>" for pair in pairs],
            [self.PROMPT] * 3,
            [pair.gold.to_json() for pair in pairs],
        )
        assert got["rewards"] == [1.0] * 3

    @given(prompt=st.text(max_size=80), response=st.text("abc <|>\n", max_size=40))
    def test_nothing_of_the_prompt_is_ever_scored(
        self, rewards: dict[str, ModuleType], prompt: str, response: str
    ) -> None:
        found = rewards["openrlhf"].response_of(prompt + response, prompt)
        assert response.startswith(found)
