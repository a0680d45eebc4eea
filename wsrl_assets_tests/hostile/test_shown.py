"""What strangers wrote is shown as text: on pages and cards, in Dagster, and on the terminal."""

import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from markdown_it import MarkdownIt
from starlette.testclient import TestClient

from wsrl_assets.cli import app, show, terminal
from wsrl_assets.cli.terminal import PlainLogs, Terminal
from wsrl_assets.explore import create_app
from wsrl_assets.orchestration.metadata import pass_rate_metadata, stage_result
from wsrl_assets.release.dataset import build_release
from wsrl_assets.release.export import FORMATS, export
from wsrl_assets.reporting import report
from wsrl_assets.storage import Partition, Store, catalog
from wsrl_assets.storage.pass_rates import BUCKETS, RateHistogram
from wsrl_assets.storage.tables import VerifiedPair
from wsrl_assets.storage.transaction import frame
from wsrl_assets.taxonomy.domains import Domain
from wsrl_assets.text.markdown import cell
from wsrl_assets_tests.explore.home import embed, pair, pair_id, plant
from wsrl_assets_tests.factories import IN_DOMAIN, IN_SHARD, document_text
from wsrl_assets_tests.hostile.inputs import inputs, texts
from wsrl_assets_tests.release.test_dataset import fill, some

PAYLOADS = [row["text"] for row in inputs("markup")]
# What our own pages are made of; anything else came from a text.
_ALLOWED_LINKS = re.compile(
    r"/|#main|/(pairs|documents|static)(/[\w.-]+)*(\?.*)?|/(agreement|alike|releases|reviewer)(\?.*)?|/?\?.*"
)
_OWN_SCRIPT = '<script src="/static/review.js" defer></script>'
_NEVER = {"script", "iframe", "object", "embed", "base", "math", "link-", "textarea", "applet"}
# What rich itself writes: colours and styles.
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Page(HTMLParser):
    """The tags of a page, and what would load, run or lead away."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.active: list[tuple[str, str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            leads = name in ("href", "src", "action", "data", "srcset", "xlink:href", "content")
            if name.startswith("on") or (leads and tag != "meta"):
                self.active.append((tag, name, value or ""))


def hostile_home(folder: Path, chunk: list[str]) -> Store:
    """A home in which each text stands in every field of a pair that a stranger may write."""
    documents = [f"{document_text(n)} {text}" for n, text in enumerate(chunk)]
    rows = []
    for n, text in enumerate(chunk):
        said = {"question": text, "answer": text, "persona": text, "evidence": text}
        rows += pair(n, documents[n], None if n % 2 else text, model=text[:80], **said)
    store = plant(folder, documents, rows)
    with store.transaction(IN_DOMAIN) as transaction:
        for n, text in enumerate(chunk):
            clean = text.encode("utf-8", "replace").decode()
            transaction.connection.execute(
                "UPDATE filtered_documents SET title = ?, metadata = ? WHERE source_row = ?",
                [clean, json.dumps({"license": clean, "url": clean}), n],
            )
    with store.transaction(IN_SHARD) as transaction:
        for n, text in enumerate(chunk):
            stated = json.dumps({"license": text.encode("utf-8", "replace").decode()})
            transaction.connection.execute(
                "UPDATE source_documents SET metadata = ? WHERE source_row = ?", [stated, n]
            )
    embed(store, {n: (1.0, n / 1000) for n in range(len(chunk))})
    return store


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return hostile_home(tmp_path_factory.mktemp("shown"), PAYLOADS)


def pages(store: Store) -> Iterator[str]:
    client = TestClient(create_app(store))
    for page in range(1, 4):
        yield without_own_script(client.get(f"/?page={page}").text)
    for path in ("/documents", "/alike", "/agreement", "/releases"):
        yield without_own_script(client.get(path).text)
    for n in range(0, len(PAYLOADS), 3):  # lists above and traces below show every one
        yield without_own_script(client.get(f"/pairs/{pair_id(n)}").text)


def without_own_script(html: str) -> str:
    """A page less the one script that is ours, which stands in each once."""
    assert html.count(_OWN_SCRIPT) == 1
    return html.replace(_OWN_SCRIPT, "")


def test_no_text_is_markup_on_a_page_of_explore(home: Store) -> None:
    seen = 0
    for html in pages(home):
        page = Page(html)
        seen += 1
        assert not _NEVER & set(page.tags)
        assert page.tags.count("img") == html.count('src="/static/icon.svg"') == 1
        for tag, name, value in page.active:
            assert name in ("href", "src", "action"), (tag, name)
            assert tag == "link" or _ALLOWED_LINKS.fullmatch(value), (tag, value)
        assert not _OBEYED.search(html)
    assert seen == len(PAYLOADS[::3]) + 7


@pytest.mark.parametrize("text", texts("markup"))
def test_no_search_for_a_text_is_markup(home: Store, text: str) -> None:
    typed = text.encode("utf-8", "replace").decode()[:500]
    answer = TestClient(create_app(home)).get("/", params={"text": typed, "model": typed})
    assert answer.status_code == 200
    page = Page(without_own_script(answer.text))
    assert not _NEVER & set(page.tags)
    assert all(not name.startswith("on") for _, name, _ in page.active)


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A release whose documents, models and personas are all of strangers' making."""
    store = Store(tmp_path_factory.mktemp("released") / "home")
    fill(store, some(len(PAYLOADS)))
    with store.transaction(Partition.domain(Domain.MATH)) as transaction:
        query = transaction.connection.execute
        ids = [row[0] for row in query("SELECT doc_id FROM filtered_documents").fetchall()]
        for doc_id, text in zip(ids, PAYLOADS, strict=False):
            clean = text.encode("utf-8", "replace").decode()
            query(
                "UPDATE filtered_documents SET title = ?, metadata = ? WHERE doc_id = ?",
                [clean, json.dumps({"license": clean, "url": clean}), doc_id],
            )
            query(
                "UPDATE qa_drafts SET persona = ?, model = ? WHERE doc_id = ?",
                [clean] * 2 + [doc_id],
            )
    build_release(store, "run")
    return store


def test_no_text_is_markup_on_the_report(released: Store) -> None:
    html = report.write_report(released).read_text("utf-8")
    page = Page(html)
    assert not ({"script", "iframe", "object", "img", "link", "base", "form", "a"} & set(page.tags))
    assert not page.active
    assert not _OBEYED.search(html)


def markdown(text: str) -> list[Any]:
    """The tokens of a markdown text, as a page that renders it sees them."""
    parser = MarkdownIt("commonmark").enable("table").enable("strikethrough")
    return [part for token in parser.parse(text) for part in (token, *(token.children or ()))]


def test_no_text_is_markup_on_the_card(released: Store) -> None:
    (card,) = (released.home / "releases").glob("*/README.md")
    _, front, body = card.read_text("utf-8").split("---\n", 2)
    assert set(yaml.safe_load(front)["license"]) <= {"other", "mit", "unknown"}
    kinds = {token.type for token in markdown(body)}
    assert not kinds & {"html_inline", "html_block", "image", "link_open", "s_open"}
    headings = [line for line in body.splitlines() if line.startswith("#")]
    assert "# heading" not in headings
    assert not _OBEYED.search(body)


def test_no_export_is_a_file_that_a_spreadsheet_runs(released: Store, tmp_path: Path) -> None:
    (folder,) = [path for path in (released.home / "releases").iterdir() if path.is_dir()][:1]
    export(folder, list(FORMATS), tmp_path / "out")
    endings = {path.suffix for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert not endings & {".csv", ".tsv", ".xls", ".xlsx", ".html", ".htm"}
    for readme in (tmp_path / "out").rglob("README.md"):
        assert "evil.example" not in readme.read_text("utf-8") or readme.parent.name == "parquet"


@pytest.mark.parametrize("text", texts("markup"))
def test_a_cell_of_a_table_renders_nothing(text: str) -> None:
    table = f"| a | b |\n| --- | --- |\n| {cell(text)} | 7 |\n"
    kinds = [token.type for token in markdown(table)]
    assert kinds.count("td_open") == 2
    assert not {
        "html_inline",
        "html_block",
        "image",
        "link_open",
        "code_inline",
        "em_open",
        "strong_open",
        "s_open",
        "heading_open",
        "hr",
    } & set(kinds)


def test_no_text_is_markup_in_dagster(home: Store) -> None:
    metadata = stage_result(home, IN_DOMAIN, VerifiedPair, run_id="planted").metadata or {}
    found = [v.md_str or "" for v in metadata.values() if isinstance(v, dg.MarkdownMetadataValue)]
    assert found
    for text in found:
        for token in markdown(text):
            assert token.type not in ("html_inline", "html_block", "link_open")
            own_chart = token.type == "image" and str(token.attrs["src"]).startswith("data:image/")
            assert own_chart or token.type != "image"
        assert not _OBEYED.search(text)


@pytest.mark.parametrize("text", texts("markup"))
def test_a_models_name_is_text_in_dagster(
    text: str, home: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = RateHistogram("math", text, (1,) * len(BUCKETS), 0.5, 8, 0)
    monkeypatch.setattr("wsrl_assets.orchestration.metadata.rate_histograms", lambda _: [rates])
    shown = pass_rate_metadata(home, IN_DOMAIN)["pass_rates"]
    kinds = {token.type for token in markdown(shown.md_str or "")}
    assert not kinds & {"html_inline", "html_block", "image", "link_open"}


def printed(write: Any, **options: Any) -> str:
    """What a terminal gets, without rich's own colours."""
    file = io.StringIO()
    write(Terminal(file=file, force_terminal=True, width=120, **options))
    return _STYLE.sub("", file.getvalue())


@pytest.mark.parametrize("text", texts("markup"))
def test_nothing_printed_moves_the_terminal(text: str) -> None:
    out = printed(lambda terminal: terminal.print(f"error: {text}", style="bold red"))
    assert not _OBEYED.search(out)
    assert "\x1b" not in out
    for word in re.findall(r"\[/?[a-z]+\]|:skull:", text):
        assert word in out.replace("\n", "")  # brackets are brackets


@pytest.mark.parametrize("text", texts("markup"))
def test_nothing_in_a_table_moves_the_terminal(text: str) -> None:
    out = printed(
        lambda terminal: show.print_rows(terminal, [text, "b"], [[text, 1], [None, text]])
    )
    assert not _OBEYED.search(out)


def test_no_trace_moves_the_terminal(home: Store) -> None:
    with catalog(home) as connection:
        for n in range(len(PAYLOADS)):
            (row,) = frame(connection, "trace_pair", prefix=f"{pair_id(n)}%").to_dicts()
            out = printed(lambda terminal, row=row: terminal.print(show.trace(row, {}, [])))
            assert not _OBEYED.search(out)


@pytest.mark.parametrize("text", texts("markup") + texts("names"))
def test_no_log_line_moves_the_terminal(text: str) -> None:
    record = logging.LogRecord("x", logging.WARNING, "x", 1, "skipped %s", (text,), None)
    assert not _OBEYED.search(PlainLogs("%(message)s").format(record))


@pytest.mark.parametrize("text", [row["text"] for row in inputs("markup")][48:75], ids=repr)
def test_no_error_of_a_command_moves_the_terminal(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "errors", Terminal(file=sys.stderr, force_terminal=True))
    monkeypatch.setenv("WSRL_HOME", str(tmp_path / "home"))
    name = text.replace("\0", "").replace("/", "-") or "x"
    with pytest.raises(SystemExit) as ended:
        app.main(["ingest", str(tmp_path / name)])
    assert ended.value.code == 2
    out = _STYLE.sub("", capsys.readouterr().err)
    assert "error: " in out or "does not exist" in out
    assert not _OBEYED.search(out)
