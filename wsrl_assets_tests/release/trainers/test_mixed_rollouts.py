"""What trainers really hand over: chats with tools, cut-off responses, and golds that are none.

Each trainer's calling convention is written out as its code has it; see the page of each format.
"""

import asyncio
import enum
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from wsrl_assets.reward import Reason, final_message, is_cut_off, score_rollout, undecided
from wsrl_assets_tests.release.trainers.exported import PAIRS, exported, load

PAIR = PAIRS[0]
GOLD = PAIR.gold.to_json()
USER = {"role": "user", "content": "Which?"}
RIGHT = {"role": "assistant", "content": PAIR.right}
CALL = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "ask"}}]}
TOOL = {"role": "tool", "content": PAIR.right}

CHATS: tuple[tuple[list[dict[str, Any]], float], ...] = (
    ([RIGHT], 1.0),
    ([CALL, TOOL, RIGHT], 1.0),
    ([CALL, {"role": "tool", "content": PAIR.wrong}, RIGHT], 1.0),
    ([{"role": "assistant", "content": [{"type": "text", "text": PAIR.right}]}], 1.0),
    ([{"role": "assistant", "reasoning_content": PAIR.wrong, "content": PAIR.right}], 1.0),
    ([CALL, TOOL], 0.0),
    ([TOOL], 0.0),
    ([RIGHT, CALL], 0.0),
    ([{**RIGHT, "tool_calls": [{"function": {"name": "ask"}}]}], 0.0),
    ([RIGHT, {"role": "assistant", "content": ""}], 0.0),
    ([{"role": "assistant", "content": [{"type": "thinking", "thinking": PAIR.right}]}], 0.0),
    ([{"role": "assistant", "content": None, "reasoning_content": PAIR.right}], 0.0),
    ([{"role": "user", "content": PAIR.right}], 0.0),
    ([], 0.0),
)
NO_GOLDS: tuple[object, ...] = (None, "12", "", "{", '{"type": "integer"}', 12, [], {"value": "1"})
UNREADABLE: tuple[object, ...] = (None, 12, [None], [[]], ["Answer: 12"], [{}], {"role": "tool"})


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    root = tmp_path_factory.mktemp("exports")
    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            made[name] = exported(root / name, name)
        return made[name]

    return folder


class TestTheSharedParser:
    @pytest.mark.parametrize(("chat", "reward"), CHATS)
    def test_of_a_chat_only_the_assistants_last_message_counts(
        self, chat: list[dict[str, Any]], reward: float
    ) -> None:
        assert score_rollout(chat, GOLD).value == reward
        objects = [SimpleNamespace(**message) for message in chat]
        assert score_rollout(objects, GOLD).value == reward

    @pytest.mark.parametrize(
        "reason",
        ["length", "LENGTH", "max_tokens", "abort", "incomplete", {"type": "length"}, True],
    )
    def test_what_was_cut_off_scores_zero(self, reason: object) -> None:
        assert is_cut_off(reason)
        assert score_rollout(PAIR.right, GOLD, reason).reason is Reason.TRUNCATED
        assert score_rollout(PAIR.right, GOLD, reason).decided

    @pytest.mark.parametrize("reason", ["stop", "eos", "completed", {"type": "stop"}, None, False])
    def test_what_has_ended_is_scored(self, reason: object) -> None:
        assert score_rollout(PAIR.right, GOLD, reason).value == 1

    @pytest.mark.parametrize("gold", NO_GOLDS)
    def test_a_gold_that_is_none_gives_no_verdict_and_is_counted(self, gold: object) -> None:
        before = undecided[Reason.INVALID_GOLD]
        assert not score_rollout(PAIR.right, gold).decided
        assert undecided[Reason.INVALID_GOLD] == before + 1

    @pytest.mark.parametrize("completion", UNREADABLE)
    def test_a_completion_that_says_nothing_is_a_wrong_one(self, completion: object) -> None:
        assert final_message(completion) == ""
        assert score_rollout(completion, GOLD).reason is Reason.NO_ANSWER

    def test_rows_without_a_verdict_are_warned_of_ever_more_seldom(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        undecided.clear()
        with caplog.at_level(logging.WARNING, "wsrl_assets.reward"):
            for _ in range(150):
                score_rollout(PAIR.right, None)
        assert [record.getMessage().split()[0] for record in caplog.records] == ["1", "10", "100"]
        assert "invalid_gold" in caplog.text


class TestTRL:
    """`_calculate_rewards`: lists by keyword, ids with their end token, None is left out."""

    END, PAD = 2, 0

    def rewards(self, folders: Callable[[str], Path], **given: Any) -> list[float | None]:
        reward = load(folders("trl") / "reward.py").gold_reward
        count = len(given["completions"])
        columns = {"prompts": [[USER]] * count, "trainer_state": SimpleNamespace(global_step=1)}
        rewards: list[float | None] = reward(
            **columns, log_extra=print, log_metric=print, domain=["Math"] * count, **given
        )
        return rewards

    def test_a_batch_with_tools_and_rows_without_a_gold(
        self, folders: Callable[[str], Path]
    ) -> None:
        chats = [chat for chat, _ in CHATS] + [[RIGHT]] * len(NO_GOLDS)
        golds = [GOLD] * len(CHATS) + list(NO_GOLDS)
        ids = [[5, self.END]] * len(chats)
        got = self.rewards(folders, completions=chats, completion_ids=ids, gold=golds)
        assert got == [reward for _, reward in CHATS] + [None] * len(NO_GOLDS)

    def test_without_its_end_token_a_completion_was_cut_off(
        self, folders: Callable[[str], Path]
    ) -> None:
        ids = [[5, self.END], [5, 6, 7, self.END], [5, 6, 7, 8]]
        got = self.rewards(
            folders, completions=[PAIR.right] * 3, completion_ids=ids, gold=[GOLD] * 3
        )
        assert got == [1.0, 1.0, 0.0]

    def test_the_trainer_that_calls_says_what_its_end_tokens_are(
        self, folders: Callable[[str], Path]
    ) -> None:
        class Trainer:
            eos_token_ids = (2, 3)
            _tokenizer = SimpleNamespace(pad_token_id=0)

            def log_metric(self, name: str, value: float) -> None: ...

        reward = load(folders("trl") / "reward.py").gold_reward
        ids = [[5, 9], [5, 2], [5, 3], [5, 0]]
        got = reward(
            prompts=[""] * 4,
            completions=[PAIR.right] * 4,
            completion_ids=ids,
            gold=[GOLD] * 4,
            log_metric=Trainer().log_metric,
        )
        assert got == [0.0, 1.0, 1.0, 1.0]


class TestVerl:
    """The naive manager decodes without special tokens and calls by keyword."""

    EOS = 9

    def manager(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
        compute_score = load(folder / "reward.py").compute_score
        text = PAIR.right

        class NaiveRewardManager:
            tokenizer = SimpleNamespace(all_special_ids=[self.EOS], added_tokens_decoder={})

            async def run_single(self, data: Any) -> dict[str, Any]:
                item = data[-1:][0]
                score = compute_score(
                    data_source=item.non_tensor_batch["data_source"],
                    solution_str=text,
                    ground_truth=item.non_tensor_batch["reward_model"]["ground_truth"],
                    extra_info=item.non_tensor_batch.get("extra_info", {}),
                )
                return {"reward_score": score, "reward_extra_info": {"acc": score}}

        stub = ModuleType("verl.experimental.reward_loop.reward_manager.naive")
        vars(stub)["NaiveRewardManager"] = NaiveRewardManager
        for depth in range(1, 5):
            parent = ".".join(stub.__name__.split(".")[:depth])
            monkeypatch.setitem(sys.modules, parent, ModuleType(parent))
        monkeypatch.setitem(sys.modules, stub.__name__, stub)
        return load(folder / "manager.py").WsrlRewardManager()

    @pytest.mark.parametrize(
        ("tokens", "room", "reward"),
        [([5, 9], 4, 1.0), ([5, 6, 7, 9], 4, 1.0), ([5, 6, 7, 8], 4, 0.0), ([5, 6], 4, 1.0)],
        ids=["ended", "ended in the last place", "cut off", "ended by a stop string"],
    )
    def test_a_response_that_fills_its_room_without_an_end_was_cut_off(
        self,
        folders: Callable[[str], Path],
        monkeypatch: pytest.MonkeyPatch,
        tokens: list[int],
        room: int,
        reward: float,
    ) -> None:
        padding = [0] * (room - len(tokens))
        row = {
            "data_source": "wsrl-assets",
            "reward_model": {"style": "rule", "ground_truth": GOLD},
            "extra_info": {"index": 0},
        }
        batch = {
            "responses": np.array(tokens + padding),
            "attention_mask": np.array([1, 1] + [1] * len(tokens) + [0] * len(padding)),
        }
        data = [SimpleNamespace(batch=batch, non_tensor_batch=row)]
        manager = self.manager(folders("verl"), monkeypatch)
        assert asyncio.run(manager.run_single(data))["reward_score"] == reward

    def test_mixed_rows_and_a_tools_text_in_the_response(
        self, folders: Callable[[str], Path]
    ) -> None:
        compute_score = load(folders("verl") / "reward.py").compute_score
        tool = f"<tool_call>ask</tool_call>\nuser\n<tool_response>\n{PAIR.right}\n</tool_response>"

        def reward(said: Any, gold: Any, extra_info: Any = None) -> float:
            value: float = compute_score(
                data_source="d", solution_str=said, ground_truth=gold, extra_info=extra_info
            )
            return value

        assert reward(tool, GOLD) == 0.0
        assert reward(f"{tool}\nassistant\n{PAIR.right}", GOLD) == 1.0
        assert reward(PAIR.right, GOLD, {"finish_reason": "length"}) == 0.0
        assert [reward(PAIR.right, gold) for gold in NO_GOLDS] == [0.0] * len(NO_GOLDS)


class Status(enum.Enum):
    """As slime's `Sample.Status`."""

    COMPLETED = "completed"
    TRUNCATED = "truncated"
    ABORTED = "aborted"


def test_slime_samples_that_were_cut_off_or_have_no_gold(
    folders: Callable[[str], Path],
) -> None:
    def sample(label: object, status: Status) -> SimpleNamespace:
        return SimpleNamespace(
            response=PAIR.right, label=label, status=status, metadata={}, remove_sample=False
        )

    samples = [sample(GOLD, status) for status in Status]
    samples += [sample(gold, Status.COMPLETED) for gold in NO_GOLDS]
    reward = load(folders("slime") / "reward.py").gold_reward
    got = asyncio.run(reward(SimpleNamespace(), samples))
    assert got == [1.0, 0.0, 0.0] + [0.0] * len(NO_GOLDS)
    assert [one.remove_sample for one in samples] == [False] * 3 + [True] * len(NO_GOLDS)


def test_openrlhf_responses_that_were_cut_off_or_have_no_gold(
    folders: Callable[[str], Path],
) -> None:
    reward_func = load(folders("openrlhf") / "reward.py").reward_func
    prompt = "<|im_start|>user\nWhich?<|im_end|>\n<|im_start|>assistant\n"
    queries = [f"{prompt}{PAIR.right}{end}" for end in ("<|im_end|>", "", "<|im_end|>")]
    got = reward_func(queries, [prompt] * 3, [GOLD, GOLD, None])
    assert got["rewards"] == [1.0, 0.0, 0.0]
    assert got["extra_logs"] == {"answered": [1.0, 0.0, 0.0], "undecided": [0.0, 0.0, 1.0]}


def test_skyrl_rows_without_a_gold(
    folders: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    class BaseTextEnv:
        def __init__(self) -> None:
            self.turns = 0

    stub = ModuleType("skyrl_gym.envs.base_text_env")
    vars(stub).update(BaseTextEnv=BaseTextEnv, BaseTextEnvStepOutput=dict)
    for name in ("skyrl_gym", "skyrl_gym.envs"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, stub.__name__, stub)
    environment = load(folders("skyrl") / "reward.py").WsrlEnv

    def step(extras: dict[str, Any]) -> Any:
        return environment(None, extras).step(PAIR.right)

    assert step({"reward_spec": {"ground_truth": GOLD}})["reward"] == 1.0
    for extras in ({}, {"reward_spec": None}, {"reward_spec": {"ground_truth": None}}):
        output = step(extras)
        assert (output["reward"], output["metadata"]["decided"]) == (0.0, False)


@pytest.mark.parametrize("answer", [None, ""])
def test_webscale_rows_without_an_answer(
    folders: Callable[[str], Path], answer: str | None
) -> None:
    reward = load(folders("webscale") / "reward.py").gold_reward
    assert reward("Answer: 5,000 m", answer) == 0.0
    assert reward([CALL, TOOL], "12") == 0.0
