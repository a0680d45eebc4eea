"""A resources server of NeMo-Gym whose `verify` is the reward: 1.0 or 0.0."""

import asyncio

from nemo_gym.base_resources_server import (
    BaseResourcesServerConfig,
    BaseVerifyRequest,
    BaseVerifyResponse,
    SimpleResourcesServer,
)
from pydantic import ConfigDict

from wsrl_assets.reward import Gold, score


class WsrlVerifyRequest(BaseVerifyRequest):
    """A row of the data with the response to it."""

    model_config = ConfigDict(extra="allow")

    gold: str


class WsrlVerifyResponse(BaseVerifyResponse):
    """What came in, with the reward, its reason, and the answer that was compared."""

    model_config = ConfigDict(extra="allow")

    reason: str
    extracted: str | None


class WsrlResourcesServer(SimpleResourcesServer):
    config: BaseResourcesServerConfig

    async def verify(self, body: WsrlVerifyRequest) -> WsrlVerifyResponse:
        text = "".join(
            part.text
            for item in body.response.output
            if item.type == "message"
            for part in item.content
            if part.type == "output_text"
        )
        # On a thread: an answer that is an expression may take a while.
        result = await asyncio.to_thread(score, text, Gold.from_json(body.gold))
        return WsrlVerifyResponse(
            **body.model_dump(),
            reward=float(result.value),
            reason=str(result.reason),
            extracted=result.extracted,
        )


if __name__ == "__main__":
    WsrlResourcesServer.run_webserver()
