"""The reward as an environment of SkyRL: one turn, then a reward of 1.0 or 0.0."""

from typing import Any

from skyrl_gym.envs.base_text_env import BaseTextEnv, BaseTextEnvStepOutput

from wsrl_assets.reward import score_rollout


class WsrlEnv(BaseTextEnv):
    """Scores the response against the gold of its row, `reward_spec.ground_truth`.

    SkyRL takes numbers: without a verdict the reward is 0.0, which is counted and logged as a
    warning. It does not say how generation ended: `generator.zero_reward_on_non_stop` sees to that.
    """

    def __init__(self, env_config: Any, extras: dict[str, Any]) -> None:
        super().__init__()
        self.gold = (extras.get("reward_spec") or {}).get("ground_truth")

    def step(self, action: str) -> BaseTextEnvStepOutput:
        result = score_rollout(action, self.gold)
        return BaseTextEnvStepOutput(
            observations=[],
            reward=float(result.value),
            done=True,
            metadata={
                "reason": str(result.reason),
                "extracted": result.extracted,
                "decided": result.decided,
            },
        )
