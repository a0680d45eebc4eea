"""A proof on many GPUs: verl's configuration and data, written out for others to run."""

from pathlib import Path

import yaml

from wsrl_assets.release.export import export
from wsrl_assets.release.folder import write_whole
from wsrl_assets.training.errors import ProofError
from wsrl_assets.training.spec import ProofSpec

_COMMAND = "python3 -m verl.trainer.main_ppo --config-path {folder} --config-name {name}"
CONFIG = "proof.yaml"
_PROMPT_TOKENS = 1024


def write_verl(release: Path, spec: ProofSpec, model: str, folder: Path) -> Path:
    """Writes the release in verl's format and the GRPO settings of a spec; returns the settings.

    They hold what differs from verl's own defaults, which they name as their base.

    Raises:
        ProofError: the folder cannot be written.
        ReleaseError: the release cannot be read, or the folder holds something else.
    """
    data = export(release, ["verl"], folder)["verl"].resolve()
    path = folder / CONFIG
    text = yaml.safe_dump(verl_settings(data, spec, model), sort_keys=False)
    try:
        write_whole(path, f"# {_COMMAND.format(folder=folder.resolve(), name=path.stem)}\n{text}")
    except OSError as error:
        raise ProofError(f"cannot write {path}: {error.strerror}; choose --output") from None
    return path


def verl_settings(data: Path, spec: ProofSpec, model: str) -> dict[str, object]:
    """The settings, as verl 0.9.1 reads them (`trainer/config/ppo_trainer.yaml`)."""
    grpo = spec.grpo
    return {
        "defaults": ["ppo_trainer", "_self_"],
        "hydra": {"searchpath": ["pkg://verl.trainer.config"]},
        "algorithm": {"adv_estimator": "grpo", "use_kl_in_reward": False},
        "data": {
            "train_files": str(data / "train.parquet"),
            "val_files": str(data / "validation.parquet"),
            "prompt_key": "prompt",
            "reward_fn_key": "data_source",
            "train_batch_size": grpo.batch,
            "max_prompt_length": _PROMPT_TOKENS,
            "max_response_length": spec.answer_tokens,
        },
        "actor_rollout_ref": {
            "model": {"path": model},
            "actor": {
                "optim": {"lr": grpo.learning_rate, "lr_warmup_steps": grpo.warmup_steps},
                "ppo_mini_batch_size": grpo.batch,
                "ppo_micro_batch_size_per_gpu": spec.device_batch,
                "use_kl_loss": False,
            },
            "rollout": {
                "name": "vllm",
                "n": spec.generations,
                "log_prob_micro_batch_size_per_gpu": spec.device_batch,
            },
        },
        "reward": {
            "custom_reward_function": {"path": str(data / "reward.py"), "name": "compute_score"},
            "reward_manager": {
                "source": "importlib",
                "name": "WsrlRewardManager",
                "module": {"path": str(data / "manager.py")},
            },
        },
        "trainer": {"total_training_steps": grpo.steps, "project_name": "wsrl-proof"},
    }
