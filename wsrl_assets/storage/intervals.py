"""How sure a share is."""

from math import sqrt
from statistics import NormalDist

_Z = NormalDist().inv_cdf(0.975)


def wilson_interval(part: int, whole: int) -> tuple[float, float]:
    """The 95 % interval of the share that `part` of `whole` estimate; 0 to 1 of nothing.

    Unlike the usual normal interval it is right for few cases and at 0 and 1 (E. B. Wilson, JASA
    1927): 0 of 8 leaves shares up to 0.32 open.
    """
    if not whole:
        return 0.0, 1.0
    share, spread = part / whole, _Z * _Z / whole
    middle = share + spread / 2
    half = sqrt(spread * (share * (1 - share) + spread / 4))
    return max(0.0, (middle - half) / (1 + spread)), min(1.0, (middle + half) / (1 + spread))
