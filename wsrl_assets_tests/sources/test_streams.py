"""Lines of a byte stream."""

import io
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from wsrl_assets.sources.streams import lines

pieces = st.lists(st.sampled_from([b"\n", b"\r\n", b" \n", b"\t", b"ab", b"c\n", b"\x0b\n"]))


@given(pieces.map(b"".join), st.integers(1, 7))
def test_every_line_with_content_keeps_its_number(data: bytes, buffer_bytes: int) -> None:
    stream = io.BufferedReader(io.BytesIO(data), buffer_bytes)
    found = [(line.number, line.data) for line in lines(cast(io.BufferedReader, stream), 100)]
    expected = list(enumerate(data.removesuffix(b"\n").split(b"\n") if data else [], start=1))
    assert [item for item in found if item[1] and item[1].strip()] == [
        (number, line) for number, line in expected if line.strip()
    ]
    assert set(found) <= set(expected)
