"""Names of homes: folders, and addresses of homes that several hosts share in an object store.

The folder of a shared home on a host is a copy, and its name is the address, quoted. It may be
deleted at any time; what it held is fetched again.
"""

import os
import re
from pathlib import Path
from urllib.parse import quote, unquote

SCHEMES = ("s3", "gs", "az", "abfs")
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)")


def home_folder(named: str | Path) -> Path:
    """The folder of a home that is named by a path, or by the address of an object store.

    Raises:
        ValueError: no store has such an address.
    """
    found = _ADDRESS.fullmatch(str(named))
    if found is None:
        return Path(named)
    address = f"{found[1]}://{found[2].strip('/')}"  # a path has lost one of the two slashes
    check_address(address)
    cache_home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    # With "=" in place of "%", which Dagster takes out of the path of its database.
    return Path(cache_home) / "wsrl" / quote(address, safe="").replace("%", "=")


def address_of(folder: Path) -> str | None:
    """The address of the shared home that a folder is a copy of; none if it is none."""
    address = unquote(folder.name.replace("=", "%"))
    return address if address.startswith(tuple(f"{scheme}://" for scheme in SCHEMES)) else None


def check_address(address: str) -> None:
    """Raises ValueError for what is no address of an object store."""
    scheme, _, rest = address.partition("://")
    if scheme not in SCHEMES or not rest:
        known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        raise ValueError(
            f"{address} is no address of an object store: it begins with one of {known} and the "
            "name of a bucket. A folder is named by its path alone."
        )
