"""Intervals of figures over questions: source documents are drawn with repetition (bootstrap).

What is asked of one document is no independent case, so a document is drawn with all of it; and
where two arms are compared, the same documents are drawn for both.
"""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

DRAWS = 2_000
_BOUNDS = (2.5, 97.5)
# Where more draws than this have no value, there is no interval to give.
_MOST_UNDEFINED = 0.05


def document_weights(documents: int, generator: np.random.Generator) -> Numbers:
    """How often each document is in each of the draws: shape (`DRAWS`, documents)."""
    even = np.full(documents, 1 / documents) if documents else np.zeros(0)
    return generator.multinomial(documents, even, size=DRAWS).astype(np.float64)


def interval(drawn: Numbers) -> tuple[float, float]:
    """The bounds of the 95 % interval of a figure, from its values in the draws."""
    low, high = np.percentile(drawn, _BOUNDS)
    return float(low), float(high)


def interval_where_defined(drawn: Numbers) -> tuple[float | None, float | None]:
    """The interval over the draws that have a value; no bounds where too many are NaN."""
    undefined = np.isnan(drawn)
    if undefined.mean() > _MOST_UNDEFINED:
        return None, None
    return interval(drawn[~undefined])
