"""A resources server of NeMo-Gym whose `verify` is the reward: 1.0 or 0.0; from 0.0 to 1.0 for an
explanation, by a judge.
"""

import asyncio
from functools import cache
from pathlib import Path
from runpy import run_path
from typing import Any

from nemo_gym.base_resources_server import (
    BaseResourcesServerConfig,
    BaseVerifyRequest,
    BaseVerifyResponse,
    SimpleResourcesServer,
)
from pydantic import ConfigDict

from wsrl_assets.reward import RubricScore, Score, is_rubric, score_rollout, score_rubric


class WsrlVerifyRequest(BaseVerifyRequest):
    """A row of the data with the response to it."""

    model_config = ConfigDict(extra="allow")

    gold: Any = None


class WsrlVerifyResponse(BaseVerifyResponse):
    """What came in, with the reward, its reason, and the answer that was compared.

    NeMo-Gym takes numbers: where `decided` is false, the 0.0 is no verdict.
    """

    model_config = ConfigDict(extra="allow")

    reason: str
    extracted: str | None
    decided: bool


class WsrlResourcesServer(SimpleResourcesServer):
    config: BaseResourcesServerConfig

    async def verify(self, body: WsrlVerifyRequest) -> WsrlVerifyResponse:
        response = body.response
        # On a thread: an expression or a judge may take a while.
        result = await asyncio.to_thread(
            _result,
            response.output,
            body.gold,
            "incomplete" if response.incomplete_details else response.status,
        )
        return WsrlVerifyResponse(
            **body.model_dump(),
            reward=float(result.value),
            reason=str(result.reason),
            extracted=result.extracted,
            decided=result.decided,
        )


def _result(output: Any, gold: Any, finish_reason: Any) -> Score | RubricScore:
    if is_rubric(gold):
        return score_rubric(output, gold, _judge(), finish_reason)
    return score_rollout(output, gold, finish_reason)


@cache
def _judge() -> Any:
    return run_path(str(Path(__file__).with_name("judge.py")))["judge_from_environment"]()


if __name__ == "__main__":
    WsrlResourcesServer.run_webserver()
