"""The web application: three pages that read, and nothing that writes.

Documents and replies are untrusted. Templates escape everything, and a Content-Security-Policy
without any script stands behind that: what gets past the one does not run by the other.
"""

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wsrl_assets.explore import reading
from wsrl_assets.explore.filters import PAGE_SIZE, Filter
from wsrl_assets.explore.prompts import sent_prompts
from wsrl_assets.storage import Store, StoreBusyError, StoreError
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.text.highlight import marked, printable, without_credentials

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "testserver")

_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_STATIC = {"explore.css": "text/css", "icon.svg": "image/svg+xml"}
_TITLES = {
    "verdict": "Verdict",
    "domain": "Domain",
    "reason": "Reason",
    "answer_type": "Answer type",
    "form": "Form",
    "model": "Model",
}
_MAX_ID_CHARS = 64


def create_app(
    store: Store,
    *,
    demonstrations: Path | None = None,
    allowed_hosts: Sequence[str] = LOOPBACK_HOSTS,
) -> Starlette:
    """The application over a home.

    Args:
        store: whose snapshots are read.
        demonstrations: the folder of one's own demonstrations, to rebuild prompts with.
        allowed_hosts: names under which it answers. Others are refused, so that a page elsewhere
            cannot read this one through a name of its own that leads here (DNS rebinding).
    """
    pages = _Pages(store, demonstrations)
    return Starlette(
        routes=[
            Route("/", pages.pairs, name="pairs"),
            Route("/pairs/{pair_id}", pages.pair, name="pair"),
            Route("/documents/{doc_id}", pages.document, name="document"),
            Route("/static/{name}", _static, name="static"),
        ],
        middleware=[
            Middleware(_SafeHeaders),
            Middleware(
                TrustedHostMiddleware, allowed_hosts=list(allowed_hosts), www_redirect=False
            ),
        ],
        exception_handlers={
            HTTPException: pages.problem,
            StoreError: pages.unreadable,
            StoreBusyError: pages.unreadable,
        },
    )


class _Pages:
    """The pages. Handlers are plain functions, which Starlette runs in threads of a pool."""

    def __init__(self, store: Store, demonstrations: Path | None) -> None:
        self._store = store
        self._demonstrations = demonstrations
        self._templates = _environment()

    def pairs(self, request: Request) -> Response:
        found = reading.listing(self._store, Filter.of(request.query_params))
        return self._page(
            "pairs.html",
            found=found,
            filter=found.filter,
            facets=_TITLES,
            first=(found.filter.page - 1) * PAGE_SIZE + 1,
        )

    def pair(self, request: Request) -> Response:
        pair_id = _an_id(request.path_params["pair_id"], "pair")
        view = reading.find_pair(self._store, pair_id)
        if view is None:
            raise HTTPException(404, f"There is no pair {pair_id}, or several begin so.")
        row, shown = view.row, Filter.of(request.query_params)
        if row["draft_id"] != pair_id:
            return RedirectResponse(f"/pairs/{row['draft_id']}{shown.query}")
        return self._page(
            "pair.html",
            pair=row,
            outcome=view.outcome,
            filter=shown,
            text=marked(row["text"] or "", [(row["evidence_start"], row["evidence_end"])]),
            prompts=sent_prompts(view, self._demonstrations),
            calls=view.calls,
            recipes=reading.recipes_of(view),
        )

    def document(self, request: Request) -> Response:
        doc_id = _an_id(request.path_params["doc_id"], "document")
        view = reading.find_document(self._store, doc_id)
        if view is None:
            raise HTTPException(404, f"No domain has a document {doc_id}.")
        spans = [(pair["evidence_start"], pair["evidence_end"]) for pair in view.pairs]
        return self._page(
            "document.html",
            document=view.row,
            pairs=view.pairs,
            text=marked(view.row["text"], spans),
            filter=Filter.of(request.query_params),
        )

    def problem(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return self._page("problem.html", status=error.status_code, says=error.detail)

    def unreadable(self, request: Request, error: Exception) -> Response:
        return self._page("problem.html", status=503, says=str(error))

    def _page(self, template: str, status: int = 200, **values: Any) -> Response:
        text = self._templates.get_template(template).render(
            home=str(self._store.home), status=status, **values
        )
        return HTMLResponse(text, status)


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("wsrl_assets.explore"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Of the values that are printed; text of templates does not pass here.
        finalize=_shown,
    )
    environment.filters.update(
        label=_label, compact=_compact, words=_words, safe_error=without_credentials
    )
    environment.globals["Filter"] = Filter
    return environment


def _shown(value: Any) -> Any:
    """A value as it is printed: nothing for none, text without control characters."""
    if value is None:
        return ""
    return printable(value) if type(value) is str else value


def _label(value: str, facet: str = "domain") -> str:
    """A domain as the paper prints it; anything else as it is."""
    is_domain = facet == "domain" and value in list(Domain)
    return Domain(value).label if is_domain else value


def _words(value: str) -> str:
    """A reason word or column name as words."""
    return value.replace("_", " ")


def _compact(value: Any) -> str:
    """JSON on one line, as a recipe's settings are shown."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _an_id(text: str, what: str) -> str:
    if not (text.isascii() and text.isalnum() and len(text) <= _MAX_ID_CHARS):
        raise HTTPException(404, f"That is no {what} id: those are 32 letters a-f and digits.")
    return text


def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _STATIC:
        raise HTTPException(404, "There is no such file.")
    data = resources.files("wsrl_assets.explore").joinpath("static", name).read_bytes()
    return Response(data, media_type=_STATIC[name])


class _SafeHeaders:
    """Puts the security headers on every response, errors too; refuses all but reading."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [pair for pair in message["headers"] if pair[0].decode() not in _HEADERS]
                message["headers"] = headers + _encoded(_HEADERS)
            await send(message)

        if scope["method"] not in ("GET", "HEAD"):
            refusal = PlainTextResponse("These pages can only be read.", 405)
            await refusal(scope, receive, send_safely)
            return
        await self._app(scope, receive, send_safely)


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]
