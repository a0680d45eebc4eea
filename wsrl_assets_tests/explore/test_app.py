"""The pages, asked over HTTP: what they show, and what they never do with what strangers wrote."""

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import fields, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from httpx2 import Response
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from wsrl_assets.explore import create_app, reading
from wsrl_assets.explore.filters import NO_LICENCE, PAGE_SIZE, DocumentFilter, Filter
from wsrl_assets.release.dataset import RELEASE
from wsrl_assets.release.licences import with_licences
from wsrl_assets.storage import Partition, Store
from wsrl_assets.storage.labels import all_labels, save_labels, save_sample
from wsrl_assets.storage.tables import (
    FinalSplit,
    ReleasedPair,
    ReviewLabel,
    Status,
    TriagedDocument,
    utc_now,
)
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.taxonomy.opinions import Fault, Opinion
from wsrl_assets.text.normalisation import content_id
from wsrl_assets_tests.explore.home import embed, pair, pair_id, plant
from wsrl_assets_tests.factories import (
    DOMAIN,
    IN_DOMAIN,
    IN_SHARD,
    WHEN,
    call_row,
    document_text,
    draft_row,
    filtered_document,
    source_document,
)

FIELDS = [field.name for field in fields(Filter)]
HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(2)> </div></main> "
    "<a href='javascript:alert(3)'>go</a> {{ 7 * 7 }} {% raw %} \u202egnp.exe &lt;b&gt;"
)


class Tags(HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.links: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links |= {value or "" for name, value in attrs if name in ("href", "src", "action")}


def client(store: Store) -> TestClient:
    return TestClient(create_app(store))


def shown(page: str) -> list[str]:
    """The ids of the pairs on a list, in order."""
    return re.findall(r'<li>\s*<a href="/pairs/([0-9a-f]{32})', page)


@pytest.fixture
def home(tmp_path: Path, planted: Path) -> Store:
    """A home of one's own; see `planted`."""
    shutil.copytree(planted, tmp_path / "home")
    return Store(tmp_path / "home")


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One kept pair, two rejected ones, and a failed and a pending draft, of two documents."""
    texts = [document_text(0), document_text(1)]
    rows = [
        *pair(0, texts[0], form="cloze", question="Where is Kelmar?"),
        *pair(1, texts[0], "leaked", persona_index=1),
        *pair(2, texts[1], "round_trip_disagrees", model="another", recipe="other"),
        draft_row(3, texts[1], persona_index=1, status=Status.FAILED, reason="truncated"),
        draft_row(4, texts[1], persona_index=2, question="Not looked at?", answer="1"),
    ]
    store = plant(tmp_path_factory.mktemp("planted"), texts, rows)
    released = ReleasedPair(
        pair_id=pair_id(0),
        domain=str(DOMAIN),
        release="newest",
        status=Status.KEPT,
        created_at=WHEN,
    )
    with store.transaction(RELEASE) as transaction:
        transaction.merge([released])
    return store.home


# --- the list -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", {0, 1, 2, 3, 4}),
        ("verdict=kept", {0}),
        ("verdict=rejected", {1, 2}),
        ("verdict=failed", {3}),
        ("verdict=pending", {4}),
        ("reason=leaked", {1}),
        ("form=cloze", {0}),
        ("model=another", {2}),
        ("recipe=other", {2}),
        ("recipe=r&verdict=rejected", {1}),
        ("release=newest", {0}),
        ("domain=natural_science&verdict=rejected", {1, 2}),
        ("domain=math", set()),
        ("text=kelmar", {0}),
        ("text=ANSWER%202", {2}),
        (f"text={pair_id(3)[:10]}", {3}),
        (f"text={content_id(document_text(0))}", {0, 1}),
        ("answer_type=entity&reason=leaked", {1}),
    ],
)
def test_a_filter_shows_what_it_names(home: Store, query: str, numbers: set[int]) -> None:
    page = client(home).get(f"/?{query}").text
    assert set(shown(page)) == {pair_id(number) for number in numbers}


def test_counts_of_a_facet_are_those_under_the_other_filters(home: Store) -> None:
    page = client(home).get("/?verdict=rejected").text
    counts = dict(re.findall(r'<bdi>([\w ]+)</bdi></span><span class="count">(\d+)<', page))
    assert counts["kept"] == "1"  # what choosing it would show
    assert counts["leaked"] == "1"
    assert "truncated" not in counts


def test_pages_hold_each_pair_once(tmp_path: Path) -> None:
    text = document_text(0)
    count = 2 * PAGE_SIZE + 7
    rows = [row for n in range(count) for row in pair(n, text, persona_index=n)]
    found = client(plant(tmp_path, [text], rows))
    pages = [shown(found.get(f"/?verdict=kept&page={number}").text) for number in (1, 2, 3)]
    assert [len(page) for page in pages] == [PAGE_SIZE, PAGE_SIZE, 7]
    assert len({one for page in pages for one in page}) == count
    assert shown(found.get("/?page=99999").text) == shown(found.get("/?page=3").text)


def test_an_empty_home_says_how_to_begin(tmp_path: Path) -> None:
    answer = client(Store(tmp_path / "nothing")).get("/")
    assert answer.status_code == 200
    assert "wsrl demo" in answer.text


def test_no_match_offers_a_way_back(home: Store) -> None:
    page = client(home).get("/?text=zebra&verdict=kept").text
    assert "No pair matches" in page
    assert 'href="/?verdict=kept"' in page


def test_a_page_shows_what_a_run_has_committed_since(home: Store) -> None:
    found = client(home)
    before = shown(found.get("/").text)
    with home.transaction(Partition.domain(Domain.NATURAL_SCIENCE)) as transaction:
        transaction.merge(pair(9, document_text(1), persona_index=3))
        assert shown(found.get("/").text) == before  # while the run holds the file
    assert len(shown(found.get("/").text)) == len(before) + 1


@given(st.dictionaries(st.sampled_from([*FIELDS, "x"]), st.text(max_size=300)))
def test_any_query_is_a_filter_that_its_own_address_repeats(query: dict[str, str]) -> None:
    asked = Filter.of(query)
    address = TestClient(create_app(Store(Path("/nowhere")))).build_request("GET", asked.query)
    assert Filter.of(dict(address.url.params)) == asked


# --- a pair, a document -------------------------------------------------------------------------


def test_a_pair_shows_evidence_verdicts_and_the_way_to_its_document(home: Store) -> None:
    page = client(home).get(f"/pairs/{pair_id(1)}?verdict=rejected").text
    assert f"<mark>{document_text(0)[:20]}</mark>" in page
    assert "leaked" in page
    assert "a detail" in page
    assert f"/documents/{content_id(document_text(0))}" in page
    assert 'href="/?verdict=rejected"' in page  # back to where one came from


def test_a_document_shows_all_its_pairs(home: Store) -> None:
    page = client(home).get(f"/documents/{content_id(document_text(1))}").text
    assert set(shown(page)) == {pair_id(2), pair_id(3), pair_id(4)}


def test_the_beginning_of_an_id_is_enough(home: Store) -> None:
    answer = client(home).get(f"/pairs/{pair_id(1)[:12]}", follow_redirects=False)
    assert answer.headers["location"] == f"/pairs/{pair_id(1)}"


def test_the_reply_of_each_call_stands_beside_its_prompt(tmp_path: Path) -> None:
    text = document_text(0)
    rows = pair(0, text, form="open")
    asked = {"row_id": pair_id(0), "stage": "qa_drafts", "step": "open"}
    calls = [
        call_row(0, **asked, reply='{"question": "<b>Which?</b>"}'),
        call_row(1, **asked, error="truncated", reply=None),
    ]
    page = client(plant(tmp_path, [text], [*rows, *calls])).get(f"/pairs/{pair_id(0)}").text
    assert "&lt;b&gt;Which?&lt;/b&gt;" in page
    assert "No reply is stored" in page


# --- documents ----------------------------------------------------------------------------------


@pytest.fixture
def fates(home: Store) -> dict[str, str]:
    """Documents that left at each stage, by what they are: their ids."""
    texts = {name: f"{name} {document_text(9)}" for name in ("short", "unfit", "twin", "waiting")}
    rows = {
        name: source_document(10 + n, text, title=f"The {name} one", language="de")
        for n, (name, text) in enumerate(texts.items())
    }
    rows["short"] = replace(rows["short"], status=Status.REJECTED, reason="too_short")
    copy = source_document(20, document_text(0), status=Status.REJECTED, reason="exact_duplicate")
    read: dict[str, Any] = {
        "qualified": True,
        "domain": str(DOMAIN),
        "recipe": "r",
        "run_id": "planted",
    }
    verdicts = [
        TriagedDocument(doc_id=rows["twin"].doc_id, created_at=WHEN, **read),
        TriagedDocument(doc_id=content_id(document_text(0)), created_at=WHEN, **read),
        TriagedDocument(
            doc_id=rows["unfit"].doc_id,
            created_at=WHEN,
            **{**read, "qualified": False, "status": Status.FAILED, "reason": "truncated"},
        ),
    ]
    with home.transaction(IN_SHARD) as transaction:
        transaction.merge([*rows.values(), copy, *verdicts])
    twin = filtered_document(30, texts["twin"], status=Status.REJECTED, reason="near_duplicate")
    with home.transaction(IN_DOMAIN) as transaction:
        transaction.merge([twin])
    return {name: row.doc_id for name, row in rows.items()}


def listed(page: str) -> list[str]:
    return re.findall(r'<li><a href="/documents/([0-9a-f]{32})', page)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("verdict=rejected&language=de", {"short", "twin"}),
        ("verdict=failed", {"unfit"}),
        ("left_at=source_documents&language=de", {"short"}),
        ("left_at=filtered_documents", {"twin"}),
        ("reason=near_duplicate", {"twin"}),
        ("verdict=pending&language=de", {"waiting"}),
        ("text=WAITING", {"waiting"}),
        ("language=fr", set()),
    ],
)
def test_documents_are_found_by_what_became_of_them(
    home: Store, fates: dict[str, str], query: str, names: set[str]
) -> None:
    page = client(home).get(f"/documents?{query}").text
    assert set(listed(page)) == {fates[name] for name in names}


def test_every_document_has_a_page_that_says_why_it_left(
    home: Store, fates: dict[str, str]
) -> None:
    found = client(home)
    says = {"short": "too short", "unfit": "truncated", "twin": "near duplicate", "waiting": ""}
    for name, doc_id in fates.items():
        answer = found.get(f"/documents/{doc_id}")
        assert answer.status_code == 200
        assert says[name] in answer.text
        assert f"{name} {document_text(9)}"[:60] in answer.text


def test_a_document_names_its_copies(home: Store, fates: dict[str, str]) -> None:
    page = client(home).get(f"/documents/{content_id(document_text(0))}").text
    assert "Rows with this text" in page
    assert "exact duplicate" in page


def test_documents_are_sorted_as_asked(home: Store, fates: dict[str, str]) -> None:
    found = client(home)
    longest = listed(found.get("/documents?sort=longest").text)
    assert longest == listed(found.get("/documents?sort=longest&page=9").text)
    assert set(longest) == set(listed(found.get("/documents?sort=shortest").text))
    assert longest != listed(found.get("/documents?sort=shortest").text)
    assert longest.index(fates["waiting"]) < longest.index(content_id(document_text(0)))


LICENCES: list[dict[str, str]] = [
    {"license": "MIT"},
    {"license": "", "metadata.license": "MIT"},
    {"license": " ", "license_url": "https://e.org/by"},
    {"license": '["MIT"]'},
    {"max_stars_repo_licenses": '["MIT", "ISC"]'},
    {"a/b~c.License": "Odd \n one", "url": "https://licence.org"},
    {"repo.license": "[]", "rights": "all reserved"},
    {"source": "a site about licences"},
    {},
]


@pytest.fixture
def licensed(tmp_path: Path) -> Store:
    """A document for each of `LICENCES`, read and not triaged."""
    store = plant(tmp_path, [], [])
    rows = [
        source_document(n, document_text(n), metadata=json.dumps(stated))
        for n, stated in enumerate(LICENCES)
    ]
    with store.transaction(IN_SHARD) as transaction:
        transaction.merge(rows)
    return store


def test_documents_are_found_by_the_licence_that_a_release_would_state(licensed: Store) -> None:
    frame = pl.DataFrame({"metadata": [json.dumps(stated) for stated in LICENCES]})
    released = [found or NO_LICENCE for found in with_licences(frame)["license"]]
    assert {"MIT", "MIT, ISC", "Odd one", "https://e.org/by", NO_LICENCE} <= set(released)
    found = client(licensed)
    for licence in set(released):
        page = found.get("/documents", params={"licence": licence}).text
        expected = {
            content_id(document_text(n)) for n, said in enumerate(released) if said == licence
        }
        assert set(listed(page)) == expected, licence
        options = [(option.value, option.rows) for option in facet(licensed, "licence")]
        assert (licence, len(expected)) in options


def facet(store: Store, name: str) -> Sequence[reading.Option]:
    return reading.documents(store, DocumentFilter()).facets[name]


def test_documents_are_found_by_the_split_and_release_of_their_pairs(
    home: Store, fates: dict[str, str]
) -> None:
    with home.transaction(Partition.domain(str(DOMAIN))) as transaction:
        (place,) = [row for row in transaction.rows(FinalSplit) if row.pair_id == pair_id(0)]
        transaction.merge([replace(place, split="test")])
    found = client(home)
    for query in ("split=test", "release=newest", "split=test&release=newest"):
        assert listed(found.get(f"/documents?{query}").text) == [content_id(document_text(0))]
    for query in ("split=train", "release=another", "recipe=none"):
        assert listed(found.get(f"/documents?{query}").text) == []
    assert [(option.value, option.rows) for option in facet(home, "split")] == [("test", 1)]
    page = found.get("/documents").text
    assert all(f"<h2>{title}</h2>" in page for title in ("Split", "Release"))
    recipes = facet(home, "recipe")
    assert recipes
    for recipe in recipes:
        page = found.get("/documents", params={"recipe": recipe.value}).text
        assert len(listed(page)) == recipe.rows


def test_a_licence_that_nothing_states_is_no_facet(home: Store) -> None:
    assert "<h2>Licence</h2>" not in client(home).get("/documents").text
    assert listed(client(home).get("/documents?licence=MIT").text) == []


def test_a_home_without_a_shard_has_an_empty_list(tmp_path: Path) -> None:
    assert "wsrl ingest PATH" in client(Store(tmp_path / "none")).get("/documents").text


@pytest.mark.parametrize(
    "path", ["/pairs/zzzz", "/pairs/%25", "/pairs/a'b", "/documents/0000", "/nothing", "/static/x"]
)
def test_what_is_not_there_is_a_page_that_says_so(home: Store, path: str) -> None:
    answer = client(home).get(path)
    assert answer.status_code == 404
    assert "Not found" in answer.text


# --- the review ---------------------------------------------------------------------------------


def token_of(found: TestClient, number: int = 0) -> str:
    page = found.get(f"/pairs/{pair_id(number)}").text
    found_tokens: list[str] = re.findall(r'name="token" value="([^"]+)"', page)
    return found_tokens[0]


def reviewer(store: Store, name: str = "Ada") -> tuple[TestClient, str]:
    """A client whose reviewer has a name, and the token of its pages."""
    found = client(store)
    token = token_of(found)
    answer = found.post("/reviewer", data={"token": token, "reviewer": name})
    assert answer.status_code == 200
    return found, token


def say(found: TestClient, token: str, number: int, query: str = "", **form: str) -> Response:
    address = f"/pairs/{pair_id(number)}/label{query}"
    return found.post(address, data={"token": token, **form}, follow_redirects=False)


def test_a_label_says_who_what_and_when(home: Store) -> None:
    found, token = reviewer(home, "  Ada\tLovelace ")
    before = utc_now()
    say(found, token, 1, reject="leaked", note="  see the question  ")
    (label,) = all_labels(home)
    assert (label.pair_id, label.reviewer) == (pair_id(1), "Ada Lovelace")
    assert (label.verdict, label.reason) == (Opinion.REJECT, Fault.LEAKED)
    assert label.note == "see the question"
    assert before <= label.created_at <= utc_now()


def test_a_verdict_leads_to_the_next_pair_of_the_filter(home: Store) -> None:
    found, token = reviewer(home)
    there = say(found, token, 1, "?verdict=rejected", accept="yes", next=pair_id(2))
    assert there.headers["location"] == f"/pairs/{pair_id(2)}?verdict=rejected"
    done = say(found, token, 2, "?verdict=rejected", accept="yes", next="")
    assert done.headers["location"] == "/?verdict=rejected"
    noted = say(found, token, 2, note="hm", note_only="yes", next=pair_id(1))
    assert noted.headers["location"] == f"/pairs/{pair_id(2)}"


def test_a_note_keeps_the_verdict_and_a_verdict_can_be_taken_back(home: Store) -> None:
    found, token = reviewer(home)
    say(found, token, 0, reject="trivial")
    say(found, token, 0, note="later", note_only="yes")
    (label,) = all_labels(home)
    assert (label.verdict, label.reason, label.note) == (Opinion.REJECT, Fault.TRIVIAL, "later")
    say(found, token, 0, withdraw="yes", note="later")
    (label,) = all_labels(home)
    assert (label.verdict, label.reason, label.note) == (None, None, "later")


def test_what_others_say_is_shown_after_ones_own_word(home: Store) -> None:
    grace, token = reviewer(home, "Grace")
    say(grace, token, 0, reject="wrong_answer", note="it is Kelmarb")
    ada, token = reviewer(home, "Ada")
    path = f"/pairs/{pair_id(0)}"
    assert "it is Kelmarb" not in ada.get(path).text
    say(ada, token, 0, accept="yes")
    assert "it is Kelmarb" in ada.get(path).text


def test_the_filter_by_review_finds_what_was_said(home: Store) -> None:
    ada, token = reviewer(home, "Ada")
    grace, other = reviewer(home, "Grace")
    say(ada, token, 0, accept="yes")
    say(ada, token, 1, reject="other")
    say(ada, token, 2, accept="yes")
    say(grace, other, 2, reject="other")
    expected = {"accepted": {0}, "rejected": {1}, "disputed": {2}, "unreviewed": {3, 4}}
    for name, numbers in expected.items():
        assert set(shown(ada.get(f"/?review={name}").text)) == {pair_id(n) for n in numbers}


def test_a_label_that_takes_a_pair_out_of_the_filter_leaves_its_place(home: Store) -> None:
    asked = Filter(review="unreviewed", verdict="rejected")
    first = reading.around(home, asked, "", "Ada").next
    assert first is not None
    save_labels(
        home, [ReviewLabel(pair_id=first, reviewer="Ada", verdict=Opinion.ACCEPT, created_at=WHEN)]
    )
    here = reading.around(home, asked, first, "Ada")
    assert (here.position, here.total, here.mine) == (1, 2, 1)
    assert here.next == here.to_review
    assert here.next is not None


def test_a_sample_is_shown_in_its_order(home: Store) -> None:
    save_sample(home, "s", [pair_id(n) for n in (2, 0, 1)])
    found = client(home)
    assert shown(found.get("/?sample=s").text) == [pair_id(n) for n in (2, 0, 1)]
    assert shown(found.get("/?sample=s&verdict=rejected").text) == [pair_id(2), pair_id(1)]
    assert shown(found.get("/?sample=none").text) == []
    here = reading.around(home, Filter(sample="s"), pair_id(0), "")
    assert (here.previous, here.next, here.position) == (pair_id(2), pair_id(1), 2)


@pytest.mark.parametrize("token", [None, "", "x", "\u00e9"])
def test_without_the_token_of_the_page_nothing_is_written(home: Store, token: str | None) -> None:
    found, _ = reviewer(home)
    data = {"accept": "yes"} if token is None else {"accept": "yes", "token": token}
    for path in (f"/pairs/{pair_id(0)}/label", "/reviewer"):
        answer = found.post(path, data=data)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
    assert all_labels(home) == []


def test_the_token_of_one_server_is_not_that_of_another(home: Store) -> None:
    assert token_of(client(home)) != token_of(client(home))


@pytest.mark.parametrize(
    ("number", "form", "status"),
    [
        (0, {"reject": "because"}, 400),
        (99, {"accept": "yes"}, 404),
        (0, {"accept": "yes", "next": "../../x"}, 404),
        (0, {"note": "x" * 70_000}, 413),
    ],
)
def test_a_form_that_no_page_has_is_refused(
    home: Store, number: int, form: dict[str, str], status: int
) -> None:
    found, token = reviewer(home)
    assert say(found, token, number, **form).status_code == status


def test_nobody_labels_without_a_name(home: Store) -> None:
    found = client(home)
    assert say(found, token_of(found), 0, accept="yes").status_code == 400
    assert all_labels(home) == []


def test_names_and_notes_of_reviewers_show_as_text(home: Store) -> None:
    found, token = reviewer(home, "<b>Ada</b>")
    say(found, token, 0, reject="other", note=HOSTILE)
    page = found.get(f"/pairs/{pair_id(0)}").text
    assert page.count("<script") == 1
    assert "&lt;b&gt;Ada&lt;/b&gt;" in page
    save_sample(home, HOSTILE, [pair_id(0)])
    page = found.get("/agreement").text
    assert page.count("<script") == 1
    assert "&lt;script&gt;alert(1)" in page


def test_like_questions_are_listed_in_groups(tmp_path: Path) -> None:
    text = document_text(0)
    drawn = np.eye(12)
    drawn[1], drawn[2] = drawn[0] + 0.2 * drawn[1], drawn[0] + 0.4 * drawn[1]
    drawn[4] = drawn[3]
    store = plant(tmp_path, [text], [r for n in range(12) for r in pair(n, text, persona_index=n)])
    embed(store, {number: tuple(vector) for number, vector in enumerate(drawn)})
    page = client(store).get("/alike").text
    assert "2 <span>groups of like questions" in page
    assert "12 questions were compared" in page
    assert "a/model" in page
    assert "3 questions, 3 answers" in page
    assert [set(shown(part)) for part in page.split('class="group"')[1:]] == [
        {pair_id(0), pair_id(1), pair_id(2)},
        {pair_id(3), pair_id(4)},
    ]
    assert "2 <span>groups" in client(store).get(f"/alike?domain={DOMAIN}").text
    assert "of this domain" in client(store).get("/alike?domain=no%20such").text


def test_without_embeddings_the_page_of_like_questions_says_how_to_have_them(home: Store) -> None:
    page = client(home).get("/alike").text
    assert "WSRL_EMBEDDING_MODEL" in page
    assert shown(page) == []
    embed(home, {0: (1, 0)})
    assert "Too few questions" in client(home).get("/alike").text


def test_the_agreement_is_told_once_somebody_has_read(home: Store) -> None:
    found, token = reviewer(home)
    assert "Nobody has reviewed a pair yet" in found.get("/agreement").text
    say(found, token, 1, accept="yes")
    page = found.get("/agreement").text
    assert "1 pair by 1 person" in page
    assert 'href="/?reason=leaked&amp;review=accepted"' in page


# --- strangers' texts ---------------------------------------------------------------------------


def test_markup_of_documents_and_models_shows_as_text(tmp_path: Path) -> None:
    text = f"{HOSTILE} {document_text(0)}"
    rows = pair(0, text, HOSTILE, question=HOSTILE, answer=HOSTILE, persona=HOSTILE, model=HOSTILE)
    found = client(plant(tmp_path, [text], rows))
    for path in (
        "/",
        f"/pairs/{pair_id(0)}",
        f"/documents/{content_id(text)}",
        f"/?text={HOSTILE}",
    ):
        page = found.get(path).text
        tags = Tags(page)
        assert page.count("<script") == 1  # our own, in the head
        assert {link for link in tags.links if not link.startswith(("/", "#"))} == set()
        assert not any(name.startswith("on") for name in tags.attributes)
        assert "style" not in tags.attributes
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        assert "{{ 7 * 7 }}" in page
        assert ">49<" not in page


def test_control_characters_do_not_reach_the_page(tmp_path: Path) -> None:
    text = document_text(0)
    rows = pair(0, text, question="a\x00b\x1b[31mc\x7f", answer="\x08\x85")
    page = client(plant(tmp_path, [text], rows)).get(f"/pairs/{pair_id(0)}").text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", page)
    assert "a\ufffdb\ufffd[31mc" in page


def test_an_error_never_shows_a_password(tmp_path: Path) -> None:
    text = document_text(0)
    said = "http://user:secret-word@host.example/v1 did not answer"
    failed = draft_row(0, text, status=Status.FAILED, reason="endpoint_fault", detail=said)
    call = call_row(0, row_id=failed.draft_id, stage="qa_drafts", step="open", error=said)
    page = client(plant(tmp_path, [text], [failed, call])).get(f"/pairs/{pair_id(0)}").text
    assert "secret-word" not in page
    assert page.count("http://***@host.example/v1 did not answer") == 2


def test_a_huge_document_is_shown_around_its_evidence(tmp_path: Path) -> None:
    text = "word " * 400_000 + "the evidence stands here"
    draft, verified, *rest = pair(0, text)
    at = len(text) - 24
    moved = type(verified)(**{**_fields(verified), "evidence_start": at, "evidence_end": len(text)})
    found = client(plant(tmp_path, [text], [draft, moved, *rest]))
    answer = found.get(f"/pairs/{pair_id(0)}")
    assert "<mark>the evidence stands here</mark>" in answer.text
    assert "of 2,000,024" in answer.text
    assert len(answer.content) < 300_000


def _fields(row: object) -> dict[str, object]:
    return {name: getattr(row, name) for name in row.__dataclass_fields__}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE pairs; --", "$text", "%", "\\", '"', "a\x00b", "x" * 50_000, "\ud800"]
)
def test_sql_in_a_filter_is_a_text_to_look_for(home: Store, text: str) -> None:
    found = client(home)
    for name in FIELDS:
        value = text.encode("utf-8", "surrogatepass")
        answer = found.get("/", params={name: value.decode("utf-8", "replace")})
        assert answer.status_code == 200
    assert len(shown(found.get("/").text)) == 5


# --- what the server lets nobody do -------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/nothing", "/static/explore.css", "/pairs/0"])
def test_every_answer_forbids_scripts_and_strangers(home: Store, path: str) -> None:
    policy = client(home).get(path).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_a_name_that_only_leads_here_is_refused(home: Store) -> None:
    answer = client(home).get("/", headers={"host": "evil.example"})
    assert answer.status_code == 400
    assert "Kelmar" not in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_but_reading_is_answered(home: Store, method: str) -> None:
    assert client(home).request(method, "/").status_code == 405


def test_a_broken_file_is_a_sentence(home: Store) -> None:
    snapshot = home.home / "domains" / "snapshots" / f"{Domain.NATURAL_SCIENCE}.duckdb"
    snapshot.write_bytes(b"not a database" * 500)
    answer = client(home).get("/")
    assert answer.status_code == 503
    assert "cannot be opened as a DuckDB database" in answer.text
    assert "Traceback" not in answer.text
