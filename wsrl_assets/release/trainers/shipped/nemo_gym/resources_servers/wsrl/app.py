"""A resources server of NeMo-Gym whose `verify` is the reward: 1.0 or 0.0."""

import asyncio
from typing import Any

from nemo_gym.base_resources_server import (
    BaseResourcesServerConfig,
    BaseVerifyRequest,
    BaseVerifyResponse,
    SimpleResourcesServer,
)
from pydantic import ConfigDict

from wsrl_assets.reward import score_rollout


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
        # On a thread: an answer that is an expression may take a while.
        result = await asyncio.to_thread(
            score_rollout,
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


if __name__ == "__main__":
    WsrlResourcesServer.run_webserver()
