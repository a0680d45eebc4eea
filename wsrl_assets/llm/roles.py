"""Who answers which kind of question: a role is an endpoint, a model and its sampling."""

from dataclasses import dataclass, field

from pydantic import SecretStr

from wsrl_assets.taxonomy.stages import Role

__all__ = ["Prices", "Role", "RoleSettings"]


@dataclass(frozen=True, slots=True)
class Prices:
    """Price of a million tokens, in any one currency; zero where the tokens are one's own."""

    prompt: float = 0.0
    cached: float = 0.0
    completion: float = 0.0

    def cost(self, prompt_tokens: int, cached_tokens: int, completion_tokens: int) -> float:
        """The price of a call; `cached_tokens` are part of `prompt_tokens`."""
        fresh = prompt_tokens - cached_tokens
        total = fresh * self.prompt + cached_tokens * self.cached
        return (total + completion_tokens * self.completion) / 1_000_000


@dataclass(frozen=True, slots=True)
class RoleSettings:
    """Where a role's calls go, and how they sample.

    Attributes:
        base_url: of an OpenAI-compatible API, ending in `/v1`; several, of servers with the same
            models, are separated by commas.
        model: name as served; none asks the server, which must then serve exactly one.
        api_key: sent as a bearer token; never shown.
        temperature: sampling temperature.
        timeout_s: longest wait for one response.
        prices: what a million tokens cost.
        metrics_urls: of the servers behind a router, whose load it does not show; none reads the
            metrics of the server itself.
    """

    base_url: str
    model: str | None = None
    api_key: SecretStr | None = None
    temperature: float = 0.0
    timeout_s: float = 300.0
    prices: Prices = field(default_factory=Prices)
    metrics_urls: tuple[str, ...] = ()

    @property
    def base_urls(self) -> list[str]:
        """Of each server, without a slash at its end."""
        return [url.strip().rstrip("/") for url in self.base_url.split(",")]
