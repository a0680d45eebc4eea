"""SkyRL's own entry point, with our environment registered where the rollouts are made."""

import sys

import ray
from skyrl.train.config import SkyRLTrainConfig
from skyrl.train.entrypoints.main_base import BasePPOExp
from skyrl.train.utils import validate_cfg
from skyrl.train.utils.utils import initialize_ray
from skyrl_gym.envs import register


@ray.remote(num_cpus=1)
def train(config: SkyRLTrainConfig) -> None:
    """One experiment, in a process of its own."""
    register(id="wsrl", entry_point="reward:WsrlEnv")
    BasePPOExp(config).run()


def main() -> None:
    """Takes the options of `skyrl.train.entrypoints.main_base`."""
    config = SkyRLTrainConfig.from_cli_overrides(sys.argv[1:])
    validate_cfg(config)
    initialize_ray(config)
    ray.get(train.remote(config))


if __name__ == "__main__":
    main()
