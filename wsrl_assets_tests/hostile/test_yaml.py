"""Release specs and demonstration files hold plain values, and nothing that grows or acts."""

import resource
from pathlib import Path

import pytest
import yaml

from wsrl_assets.generation.library import LibraryError, library_of, load_library
from wsrl_assets.release.spec import SpecError, load_spec
from wsrl_assets.text.yaml_files import load_yaml
from wsrl_assets_tests.hostile.inputs import texts

_LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)
_MERGES = "m0: &m0 {k: 1}\n" + "".join(
    f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}]}}\n" for n in range(1, 9)
)
REFUSED = {
    "python object": "seed: !!python/object:os.system {}",
    "python call": "seed: !!python/object/apply:os.system ['touch owned']",
    "python name": "seed: !!python/name:os.system",
    "python module": "seed: !!python/module:os",
    "new object": "seed: !!python/object/new:type {}",
    "own tag": "seed: !owned 1",
    "tag handle": "%TAG ! tag:evil.example,2026:\n---\nseed: !x 1",
    "billion laughs": _LAUGHS,
    "merged laughs": _MERGES,
    "recursive list": "seed: &a [*a]",
    "recursive map": "seed: &a {b: *a}",
    "an alias": "seed: &a 1\nsize: *a",
    "deep list": "seed: " + "[" * 10_000 + "]" * 10_000,
    "deep map": "seed: " + "{a: " * 5_000 + "1" + "}" * 5_000,
    "deep blocks": "".join(f"{' ' * n}a:\n" for n in range(400)),
    "no such date": "seed: 2026-13-45",
    "no such time": "seed: 2026-01-01 99:99:99",
    "long number": "seed: " + "9" * 5_000,
    "a list as key": "? [a, b]\n: 1",
    "a map as key": "? {a: b}\n: 1",
    "control characters": "seed: \x1b[31m1",
    "NUL": "seed: \x00",
    "two documents": "seed: 1\n---\nseed: 2",
    "too large": "# " + "x" * 2**20,
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_spec_of_more_than_plain_values_is_refused_in_a_sentence(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(REFUSED[name], "utf-8")
    with pytest.raises(SpecError, match=r"spec\.yaml") as fault:
        load_spec(path)
    assert len(str(fault.value)) < 2_000
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("name", REFUSED)
def test_so_is_a_demonstration_file(name: str, tmp_path: Path) -> None:
    (tmp_path / "math.yaml").write_text(REFUSED[name], "utf-8")
    library_of.cache_clear()
    with pytest.raises(LibraryError, match=r"math\.yaml") as fault:
        load_library(tmp_path)
    assert len(str(fault.value)) < 2_000


def test_laughs_cost_no_memory_and_little_time() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF)
    for text in (_LAUGHS, _MERGES, REFUSED["deep list"], REFUSED["too large"]):
        with pytest.raises(yaml.YAMLError):
            load_yaml(text)
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert after.ru_utime - before.ru_utime < 5
    assert after.ru_maxrss - before.ru_maxrss < 100 * 2**10


@pytest.mark.parametrize("text", texts("markup"))
def test_a_hostile_text_in_a_spec_is_a_value_or_a_sentence(text: str, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump({"domains": [text], text: 1}), "utf-8")
    with pytest.raises(SpecError):
        load_spec(path)


@pytest.mark.parametrize("text", texts("markup"))
def test_a_hostile_text_in_a_demonstration_stays_that_text(text: str, tmp_path: Path) -> None:
    example = {
        "id": "x",
        "passage": f"evident {text}",
        "persona": f"q {text}",
        "question": "r",
        "answer": "1",
        "answer_type": "integer",
        "evidence": "evident",
    }
    file = {"version": 1, "domain": "math", "demonstrations": [example]}
    (tmp_path / "math.yaml").write_text(yaml.safe_dump(file), "utf-8")
    library_of.cache_clear()
    try:
        library = load_library(tmp_path)
    except LibraryError:  # lone surrogates have no YAML
        assert any(0xD800 <= ord(c) <= 0xDFFF for c in text)
        return
    (found,) = next(f for d, f in library.items() if str(d) == "math").demonstrations
    assert found.passage == f"evident {text}"
