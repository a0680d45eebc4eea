"""Two releases side by side."""

from dataclasses import dataclass, replace

from wsrl_assets.release.changes import Changes, changes
from wsrl_assets.release.dataset import ReleaseError
from wsrl_assets.release.lookup import Listed, list_releases
from wsrl_assets.storage import Store

EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Comparison:
    """The releases of a home, and what changed between two of them.

    Attributes:
        listed: all of them, the newest first.
        old, new: the names of those that are compared; empty if there are not two.
        changes: what changed; none if there are not two, or one cannot be read.
        problem: why one cannot be read.
    """

    listed: list[Listed]
    old: str
    new: str
    changes: Changes | None = None
    problem: str | None = None


def compare(store: Store, old: str, new: str) -> Comparison | None:
    """Compares two releases of the home; by default the newest with the one before.

    Names come from an address, so they are only ever looked up among the releases of the home.
    None if one of the names is not there.
    """
    listed = list_releases(store)
    folders = {each.folder.name: each.folder for each in listed}
    if any(name and name not in folders for name in (old, new)):
        return None
    names = [each.folder.name for each in listed]
    new = new or next((name for name in names if name != old), "")
    later = names[names.index(new) + 1 :] if new else []
    old = old or next(iter(later or [name for name in names if name != new]), "")
    found = Comparison(listed, old, new)
    if not old or not new:
        return found
    try:
        return replace(found, changes=changes(folders[old], folders[new]))
    except ReleaseError as error:
        return replace(found, problem=str(error))
