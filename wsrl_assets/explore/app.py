"""The web application: pages that read, and the labels of reviewers, which alone are written.

Documents and replies are untrusted. Templates escape everything, and a Content-Security-Policy
that allows no script but the server's own file stands behind that: what gets past the one does not
run by the other.
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
from wsrl_assets.explore.comparing import EXAMPLES, compare
from wsrl_assets.explore.filters import PAGE_SIZE, AlikeFilter, DocumentFilter, Filter
from wsrl_assets.explore.prompts import sent_prompts
from wsrl_assets.explore.reviewing import Reviewing, an_id, reviewer_of
from wsrl_assets.reporting.meaning import NEAR
from wsrl_assets.review.agreement import read_agreement
from wsrl_assets.storage import Store, StoreBusyError, StoreError
from wsrl_assets.storage.basis import GradedFacts, graded_facts
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.opinions import Fault
from wsrl_assets.text.highlight import marked, printable, without_credentials

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "testserver")

_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_STATIC = {
    "explore.css": "text/css",
    "review.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
_TITLES = {
    "verdict": "Verdict",
    "domain": "Domain",
    "reason": "Reason",
    "answer_type": "Answer type",
    "form": "Form",
    "model": "Model",
    "recipe": "Recipe",
    "review": "Review",
    "split": "Split",
    "release": "Release",
}
_DOCUMENT_TITLES = {
    "verdict": "Verdict",
    "left_at": "Left at",
    "reason": "Reason",
    "domain": "Domain",
    "language": "Language",
    "split": "Split",
    "release": "Release",
    "recipe": "Recipe",
    "shard": "Shard",
    "licence": "Licence",
}
_GROUP_SHOWN = 10
_TITLE_OF = {
    400: "Nothing was stored",
    403: "Nothing was stored",
    404: "Not found",
    413: "Nothing was stored",
}


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
            Route("/pairs/{pair_id}/label", pages.reviewing.label, methods=["POST"]),
            Route("/reviewer", pages.reviewing.name, methods=["POST"]),
            Route("/alike", pages.alike, name="alike"),
            Route("/agreement", pages.agreement, name="agreement"),
            Route("/releases", pages.releases, name="releases"),
            Route("/documents", pages.documents, name="documents"),
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
        self.reviewing = Reviewing(store)

    def pairs(self, request: Request) -> Response:
        asked, reviewer = Filter.of(request.query_params), reviewer_of(request)
        found = reading.listing(self._store, asked)
        return self._page(
            "pairs.html",
            found=found,
            filter=found.filter,
            facets=_TITLES,
            first=(found.filter.page - 1) * PAGE_SIZE + 1,
            around=reading.around(self._store, asked, "", reviewer) if asked.sample else None,
            reviewer=reviewer,
        )

    def pair(self, request: Request) -> Response:
        pair_id = an_id(request.path_params["pair_id"], "pair")
        view = reading.find_pair(self._store, pair_id)
        if view is None:
            raise HTTPException(404, f"There is no pair {pair_id}, or several begin so.")
        row, shown = view.row, Filter.of(request.query_params)
        if row["draft_id"] != pair_id:
            return RedirectResponse(f"/pairs/{row['draft_id']}{shown.query}")
        reviewer = reviewer_of(request)
        rubric = graded_facts(row["basis"])
        return self._page(
            "pair.html",
            rubric=rubric,
            around=reading.around(self._store, shown, pair_id, reviewer),
            reviewer=reviewer,
            token=self.reviewing.token,
            labels=view.labels,
            mine=next((label for label in view.labels if label["reviewer"] == reviewer), None),
            faults=list(Fault),
            pair=row,
            outcome=view.outcome,
            filter=shown,
            text=marked(row["text"] or "", _evidence(row, rubric)),
            prompts=sent_prompts(view, self._demonstrations),
            calls=view.calls,
            recipes=reading.recipes_of(view),
        )

    def documents(self, request: Request) -> Response:
        found = reading.documents(self._store, DocumentFilter.of(request.query_params))
        return self._page(
            "documents.html",
            found=found,
            filter=found.filter,
            facets=_DOCUMENT_TITLES,
            first=(found.filter.page - 1) * PAGE_SIZE + 1,
        )

    def document(self, request: Request) -> Response:
        doc_id = an_id(request.path_params["doc_id"], "document")
        view = reading.find_document(self._store, doc_id)
        if view is None:
            raise HTTPException(404, f"No shard has a document {doc_id}.")
        spans = [(pair["evidence_start"], pair["evidence_end"]) for pair in view.pairs]
        return self._page(
            "document.html",
            document=view.row,
            pairs=view.pairs,
            sources=view.sources,
            text=marked(view.row["text"], spans),
            filter=DocumentFilter.of(request.query_params),
        )

    def alike(self, request: Request) -> Response:
        found = reading.alike(self._store, AlikeFilter.of(request.query_params))
        return self._page(
            "alike.html",
            found=found,
            filter=found.filter,
            facets={"domain": "Questions by domain"},
            near=NEAR,
            most=_GROUP_SHOWN,
        )

    def releases(self, request: Request) -> Response:
        old, new = (request.query_params.get(name, "") for name in ("old", "new"))
        found = compare(self._store, old, new)
        if found is None:
            raise HTTPException(404, "There is no release of that name.")
        return self._page("releases.html", found=found, most=EXAMPLES)

    def agreement(self, request: Request) -> Response:
        return self._page(
            "agreement.html",
            agreement=read_agreement(self._store),
            samples=reading.samples(self._store),
        )

    def problem(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return self._page("problem.html", status=error.status_code, says=error.detail)

    def unreadable(self, request: Request, error: Exception) -> Response:
        return self._page("problem.html", status=503, says=str(error))

    def _page(self, template: str, status: int = 200, **values: Any) -> Response:
        text = self._templates.get_template(template).render(
            home=self._store.address, status=status, titles=_TITLE_OF, **values
        )
        return HTMLResponse(text, status)


def _evidence(row: reading.Row, rubric: GradedFacts | None) -> list[tuple[int | None, int | None]]:
    """The places of a document that a pair rests on: one quote, or a sentence a fact."""
    if rubric is None:
        return [(row["evidence_start"], row["evidence_end"])]
    return [(one.start, one.end) for one in (*rubric.must, *rubric.must_not)]


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
    """A domain in use by its label; anything else as it is."""
    return Domain(value).label if facet == "domain" and value in Domain else value


def _words(value: str) -> str:
    """A reason word or column name as words."""
    return value.replace("_", " ")


def _compact(value: Any) -> str:
    """JSON on one line, as a recipe's settings are shown."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _STATIC:
        raise HTTPException(404, "There is no such file.")
    data = resources.files("wsrl_assets.explore").joinpath("static", name).read_bytes()
    return Response(data, media_type=_STATIC[name])


class _SafeHeaders:
    """Puts the security headers on every response, errors too; refuses methods of no page."""

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

        if scope["method"] not in ("GET", "HEAD", "POST"):
            refusal = PlainTextResponse("These pages are read, and their forms are sent.", 405)
            await refusal(scope, receive, send_safely)
            return
        await self._app(scope, receive, send_safely)


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]
