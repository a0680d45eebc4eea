"""Writing labels, which is all that the pages write.

A label is accepted only with the token of this server, which its own pages hold in their forms: a
page from elsewhere can send a form here, and cannot know the token. The reviewer's name is in a
cookie, and no proof of who it is.
"""

import secrets
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, unquote

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from wsrl_assets.explore import reading
from wsrl_assets.explore.filters import Filter
from wsrl_assets.review.files import MAX_NAME_CHARS, MAX_NOTE_CHARS
from wsrl_assets.storage import Store
from wsrl_assets.storage.labels import save_labels
from wsrl_assets.storage.tables import ReviewLabel, utc_now
from wsrl_assets.taxonomy.opinions import Fault, Opinion
from wsrl_assets.text.highlight import printable
from wsrl_assets.text.normalisation import one_line

_COOKIE = "wsrl_reviewer"
_A_YEAR_S = 365 * 24 * 3600
_MAX_FORM_BYTES = 64 * 1024


class Reviewing:
    """Takes forms of the pages.

    Attributes:
        token: what a form must hold.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.token = secrets.token_urlsafe(32)

    async def name(self, request: Request) -> Response:
        """Sets the reviewer's name, and returns to the page that asked for it."""
        form = await self._form(request)
        name = _clean(one_line(form.get("reviewer", "")), MAX_NAME_CHARS)
        pair_id = form.get("pair_id", "")
        place = f"/pairs/{an_id(pair_id, 'pair')}" if pair_id else "/"
        answer = RedirectResponse(f"{place}{Filter.of(request.query_params).query}", 303)
        answer.set_cookie(_COOKIE, quote(name), max_age=_A_YEAR_S, httponly=True, samesite="strict")
        return answer

    async def label(self, request: Request) -> Response:
        """Stores a label; leads to the next pair to review, or back if it was a note alone."""
        form = await self._form(request)
        pair_id = an_id(request.path_params["pair_id"], "pair")
        shown = Filter.of(request.query_params)
        reviewer = reviewer_of(request)
        if not reviewer:
            raise HTTPException(400, "Say who you are first: the page of a pair asks for a name.")
        label = await run_in_threadpool(self._saved, pair_id, reviewer, form)
        if label.verdict is None or "note_only" in form:
            return RedirectResponse(f"/pairs/{pair_id}{shown.query}", 303)
        following = form.get("next", "")
        place = f"/pairs/{an_id(following, 'pair')}" if following else "/"
        return RedirectResponse(f"{place}{shown.query}", 303)

    def _saved(self, pair_id: str, reviewer: str, form: Mapping[str, str]) -> ReviewLabel:
        view = reading.find_pair(self._store, pair_id)
        if view is None or view.row["draft_id"] != pair_id:
            raise HTTPException(404, f"There is no pair {pair_id}.")
        before = next((row for row in view.labels if row["reviewer"] == reviewer), {})
        verdict, reason = _opinion(form, before)
        note = _clean(form.get("note", ""), MAX_NOTE_CHARS) or None
        label = ReviewLabel(
            pair_id=pair_id,
            reviewer=reviewer,
            verdict=verdict,
            reason=reason,
            note=note,
            created_at=utc_now(),
        )
        save_labels(self._store, [label])
        return label

    async def _form(self, request: Request) -> dict[str, str]:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > _MAX_FORM_BYTES:
                raise HTTPException(413, "That form is too long.")
        form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        if not secrets.compare_digest(form.get("token", "").encode(), self.token.encode()):
            raise HTTPException(
                403,
                "Nothing was stored: the form does not come from a page of this server, or the "
                "server has been started again since. Go back, reload the page, and try again.",
            )
        return form


def reviewer_of(request: Request) -> str:
    """The name that the reviewer gave; empty if none."""
    return _clean(unquote(request.cookies.get(_COOKIE, "")), MAX_NAME_CHARS)


def an_id(text: str, what: str) -> str:
    """An id from an address or form.

    Raises:
        HTTPException: it cannot be one.
    """
    if not (text.isascii() and text.isalnum() and len(text) <= 64):
        raise HTTPException(404, f"That is no {what} id: those are 32 letters a-f and digits.")
    return text


def _opinion(
    form: Mapping[str, str], before: Mapping[str, str]
) -> tuple[Opinion | None, Fault | None]:
    if "accept" in form:
        return Opinion.ACCEPT, None
    if "reject" in form:
        if form["reject"] not in list(Fault):
            raise HTTPException(400, "A rejected pair needs one of the reasons on the page.")
        return Opinion.REJECT, Fault(form["reject"])
    if "withdraw" in form or not before.get("verdict"):
        return None, None
    reason = before["reason"]
    return Opinion(before["verdict"]), Fault(reason) if reason else None


def _clean(text: str, max_chars: int) -> str:
    return printable(text.replace("\r\n", "\n")).strip()[:max_chars]
