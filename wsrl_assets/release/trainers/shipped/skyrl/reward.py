"""The reward as an environment of SkyRL: one turn, then a reward of 1.0 or 0.0."""

from typing import Any

from skyrl_gym.envs.base_text_env import BaseTextEnv, BaseTextEnvStepOutput

from wsrl_assets.reward import Gold, score


class WsrlEnv(BaseTextEnv):
    """Scores the response against the gold of its row, `reward_spec.ground_truth`."""

    def __init__(self, env_config: Any, extras: dict[str, Any]) -> None:
        super().__init__()
        self.gold = Gold.from_json(extras["reward_spec"]["ground_truth"])

    def step(self, action: str) -> BaseTextEnvStepOutput:
        result = score(action, self.gold)
        return BaseTextEnvStepOutput(
            observations=[],
            reward=float(result.value),
            done=True,
            metadata={"reason": str(result.reason), "extracted": result.extracted},
        )
