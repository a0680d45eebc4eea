"""The reward as an environment of NeMo-RL: one turn, then a reward of 1.0 or 0.0."""

from typing import Any

import ray
import torch
from nemo_rl.environments.interfaces import EnvironmentInterface, EnvironmentReturn

from wsrl_assets.reward import score_rollout

NAME = "wsrl"


class WsrlEnvironment(EnvironmentInterface):
    """Scores each conversation's response against its gold, `ground_truth` of its metadata."""

    def __init__(self, config: dict[str, Any] | None = None) -> None:
        self.config = config or {}

    def step(
        self, message_log_batch: list[list[dict[str, Any]]], metadata: list[dict[str, Any]]
    ) -> EnvironmentReturn:
        results = [
            score_rollout(conversation, about.get("ground_truth"))
            for conversation, about in zip(message_log_batch, metadata, strict=True)
        ]
        rewards = torch.tensor([float(result.value) for result in results])
        return EnvironmentReturn(
            observations=[
                {"role": "environment", "content": f"Environment: {result.reason}"}
                for result in results
            ],
            metadata=metadata,
            next_stop_strings=[None] * len(results),
            rewards=rewards,
            terminateds=torch.ones_like(rewards),
            answers=[result.extracted for result in results],
        )

    def global_post_process_and_metrics(self, batch: Any) -> tuple[Any, dict[str, float]]:
        """As in NeMo-RL's own environments, a response that was cut off earns nothing."""
        batch["rewards"] = batch["rewards"] * batch["is_end"]
        ended = batch["is_end"].float()
        metrics = {
            "accuracy": batch["rewards"].float().mean().item(),
            "fraction_of_samples_properly_ended": ended.mean().item(),
        }
        return batch, metrics

    def shutdown(self) -> None:
        """Nothing to stop."""


WsrlEnvironmentActor = ray.remote(WsrlEnvironment)


def register() -> None:
    """Makes `env_name: wsrl` known to NeMo-RL, in the Python that runs the driver."""
    from nemo_rl.distributed.ray_actor_environment_registry import ACTOR_ENVIRONMENT_REGISTRY
    from nemo_rl.distributed.virtual_cluster import PY_EXECUTABLES
    from nemo_rl.environments.utils import register_env

    actor = f"{__name__}.WsrlEnvironmentActor"
    ACTOR_ENVIRONMENT_REGISTRY[actor] = PY_EXECUTABLES.SYSTEM
    register_env(NAME, actor)
