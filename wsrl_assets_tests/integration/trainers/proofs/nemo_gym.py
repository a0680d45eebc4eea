"""NeMo-Gym: our resources server's own web application, asked to verify rows as its agent does."""

import importlib.util
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import yaml
from fastapi.testclient import TestClient
from nemo_gym.base_resources_server import BaseResourcesServerConfig, BaseRunRequest
from nemo_gym.config_types import DatasetConfig
from nemo_gym.server_utils import ServerClient

from wsrl_assets_tests.integration.trainers.proof import Answers, Proof


def prove(folder: Path, answers: Answers) -> Proof:
    server = folder / "resources_servers" / "wsrl"
    config = yaml.safe_load((server / "configs" / "wsrl.yaml").read_text("utf-8"))
    agent = config["wsrl_simple_agent"]["responses_api_agents"]["simple_agent"]
    datasets = [DatasetConfig.model_validate(each) for each in agent["datasets"]]
    lines = (folder / datasets[0].jsonl_fpath).read_text("utf-8").split("\n")
    rows = [json.loads(line) for line in lines if line]
    for row in rows:
        BaseRunRequest.model_validate(row)
        assert row["agent_ref"]["name"] in config
    client = TestClient(_application(server))
    prompts = [row["responses_create_params"]["input"][0]["content"] for row in rows]
    asked = list(zip(rows, prompts, strict=True))
    return Proof(
        version("nemo-gym"),
        len(rows),
        [_reward(client, row, answers.of(prompt)[0]) for row, prompt in asked],
        [_reward(client, row, answers.of(prompt)[1]) for row, prompt in asked],
    )


def _application(server: Path) -> Any:
    spec = importlib.util.spec_from_file_location("app", server / "app.py")
    assert spec is not None
    assert spec.loader is not None
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    config = BaseResourcesServerConfig(
        host="127.0.0.1", port=8080, entrypoint="app.py", name="wsrl"
    )
    resources = app.WsrlResourcesServer(config=config, server_client=MagicMock(spec=ServerClient))
    return resources.setup_webserver()


def _reward(client: Any, row: dict[str, Any], said: str) -> float:
    part = {"type": "output_text", "text": said, "annotations": []}
    message = {
        "id": "message",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }
    response = {
        "id": "response",
        "created_at": 0.0,
        "model": "model",
        "object": "response",
        "output": [message],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }
    answer = client.post("/verify", json={**row, "response": response})
    assert answer.status_code == 200, answer.text
    return float(answer.json()["reward"])
