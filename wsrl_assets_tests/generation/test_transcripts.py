"""What Python's prompt shows in a document, asked for where it comes out again."""

import json

import pytest

from wsrl_assets.generation.cloze import mine, share_out
from wsrl_assets.generation.transcripts import executed
from wsrl_assets.reward import AnswerType

DOCUMENT = """Lists keep their order, and a slice of one is a list of its own.

    >>> basket = ['pear', 'fig', 'plum']
    >>> unrelated = 7
    >>> basket.append('lime')
    >>> basket[1:]
    ['fig', 'plum', 'lime']
    >>> basket[0] + 'wood'
    'pearwoods'
    >>> sorted(basket, key=len)
    ['fig', 'pear', 'plum', 'lime']
    >>> for fruit in basket:
    ...     print(fruit)
    pear
    fig
    >>> 7
    7
    >>> open('/etc/passwd')
    'root'

```python
>>> 'Abc'.swapcase()
'aBC'
```
"""


def test_a_transcript_is_taken_with_what_it_depends_on() -> None:
    found = {one.session.expression: one for one in executed(DOCUMENT)}
    assert set(found) == {"basket[1:]", "'Abc'.swapcase()"}
    one = found["basket[1:]"]
    assert one.session.statements == ("basket = ['pear', 'fig', 'plum']", "basket.append('lime')")
    quote = DOCUMENT[one.start : one.end]
    assert quote.endswith(">>> basket[1:]\n    ['fig', 'plum', 'lime']")
    assert len(quote.split()) >= 8, "shorter quotes are refused as evidence"


def test_it_is_a_candidate_whose_answer_is_code() -> None:
    asked = {one.question(None): one for one in mine(DOCUMENT)}
    assert set(asked) == {
        "What does the Python interpreter show for `'Abc'.swapcase()`?",
        "What does the Python interpreter show for `basket[1:]` after `basket = ['pear', 'fig', "
        "'plum']` and `basket.append('lime')`?",
    }
    assert {one.answer_type for one in asked.values()} == {AnswerType.CODE}
    (share,) = share_out(mine(DOCUMENT), 1)
    assert len(share) == 2


@pytest.mark.parametrize(
    "document",
    [
        ">>> 9**9**9\n5",
        ">>> 1 + 1\n3",
        ">>> 1 + 1 == 2\nTrue",
        ">>> 1 + 1\n",
        ">>> 1 + 1\n2\n3",
        ">>> x + 1\n2",
        ">>> `1`\n1",
        ">>> __import__('os').getpid()\n1",
        "> > > 1 + 1\n2",
        ">>> x = 1\n>>> def f(x):\n...     return x\n>>> x + 1\n2",
    ],
)
def test_nothing_else_is(document: str) -> None:
    assert executed(document) == []


@pytest.mark.parametrize(
    ("document", "entered"),
    [
        (">>> n = 5\n>>> n = 6\n>>> n + 1\n7", ("n = 6",)),
        (">>> n = 5\n>>> n = n + 1\n>>> n + 1\n7", ("n = 5", "n = n + 1")),
        (">>> n = [1]\n>>> n + [5]\n[1, 5]\n>>> n[0] + 6\n7", ("n = [1]",)),
        (">>> n = [7]\n>>> n.pop()\n7\n>>> n.append(3)\n>>> n[0] + 4\n7",
         ("n = [7]", "n.pop()", "n.append(3)")),
        (">>> 'n'.upper()\n'N'\n>>> 3 + 4  # seven\n7", ()),
    ],
)  # fmt: skip
def test_only_what_sets_or_changes_a_value_is_entered(
    document: str, entered: tuple[str, ...]
) -> None:
    last = executed(document)[-1]
    assert (last.session.statements, last.output) == (entered, "7")
    assert "#" not in last.session.expression


def test_many_prompts_take_bounded_work() -> None:
    assert len(executed(">>> 1 + 1\n2\n\n" * 5_000)) == 64
    assert executed(">>> " + json.dumps([1] * 5_000) + "[0] + 1\n2\n") == []
