"""Labels leave a home and come back as they were; a file that is wrong changes nothing."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from wsrl_assets.review.files import LabelFileError, read_labels, write_labels
from wsrl_assets.storage import Store
from wsrl_assets.storage.labels import all_labels, save_labels, save_newer_labels
from wsrl_assets.storage.tables import ReviewLabel
from wsrl_assets.taxonomy.opinions import Fault, Opinion
from wsrl_assets_tests.explore.home import pair_id
from wsrl_assets_tests.factories import WHEN

LINE = {
    "pair_id": pair_id(0),
    "reviewer": "Ada",
    "verdict": "reject",
    "reason": "leaked",
    "note": "the answer is in the question",
    "created_at": "2026-01-02T03:04:05Z",
}


def label(number: int = 0, seconds: int = 0, **others: object) -> ReviewLabel:
    given = {"pair_id": pair_id(number), "reviewer": "Ada", "verdict": Opinion.ACCEPT}
    when = WHEN + timedelta(seconds=seconds)
    return ReviewLabel(**{**given, "created_at": when, **others})  # type: ignore[arg-type]


def test_labels_come_back_as_they_were(tmp_path: Path) -> None:
    here, there = Store(tmp_path / "here"), Store(tmp_path / "there")
    said = [
        label(0, verdict=Opinion.REJECT, reason=Fault.LEAKED, note='a "quote"\nand a line'),
        label(1, reviewer="Zoë \N{SNOWMAN}"),
        label(2, verdict=None, note="only this"),
    ]
    save_labels(here, said)
    path = tmp_path / "labels.jsonl"
    assert write_labels(path, all_labels(here)) == 3
    assert save_newer_labels(there, read_labels(path)) == 3
    assert all_labels(there) == all_labels(here)
    assert sorted(said, key=lambda row: row.pair_id) == all_labels(there)


def test_the_newer_label_of_a_person_stays(tmp_path: Path) -> None:
    store = Store(tmp_path)
    save_labels(store, [label(0, 10), label(1, 10), label(2, 10)])
    incoming = [
        label(0, 5, note="older"),
        label(1, 15, note="newer"),
        label(2, 5, reviewer="Grace"),
        label(3, 1, note="first"),
        label(3, 2, note="second"),
    ]
    assert save_newer_labels(store, incoming) == 3
    assert [(row.pair_id, row.note) for row in all_labels(store) if row.note] == sorted(
        [(pair_id(1), "newer"), (pair_id(3), "second")]
    )
    assert save_newer_labels(store, incoming) == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"pair_id": "../../etc"}, "pair_id"),
        ({"reviewer": ""}, "reviewer"),
        ({"reviewer": "x" * 61}, "reviewer"),
        ({"verdict": "maybe"}, "verdict"),
        ({"reason": "no_such"}, "reason"),
        ({"verdict": "accept"}, "a reason needs the verdict reject"),
        ({"note": "x" * 4001}, "note"),
        ({"created_at": "2026-01-02T03:04:05"}, "created_at"),
        ({"extra": 1}, "extra"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_taken(
    tmp_path: Path, change: dict[str, object], says: str
) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text(json.dumps(LINE) + "\n\n" + json.dumps({**LINE, **change}) + "\n", "utf-8")
    with pytest.raises(LabelFileError, match="line 3") as error:
        read_labels(path)
    assert says in str(error.value)


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe", b"null"])
def test_what_is_no_file_of_labels_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_bytes(content)
    with pytest.raises(LabelFileError):
        read_labels(path)


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(LabelFileError, match="No such file"):
        read_labels(tmp_path / "nothing")
