"""A release on the Hugging Face Hub: its folder as it is, in a data set repository.

Nothing here runs unless it is asked for. The token is the one of `HF_TOKEN` or `hf auth login`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from wsrl_assets.release.dataset import ReleaseError
from wsrl_assets.release.folder import CHECKSUMS, broken_files, write_checksums

if TYPE_CHECKING:
    from huggingface_hub import HfApi


class PushError(ReleaseError):
    """A release cannot be pushed; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """Where a release is on the Hub: page, commit, and whether only its owners see it."""

    url: str
    commit: str
    private: bool


def push(
    folder: Path,
    repo: str,
    *,
    public: bool = False,
    endpoint: str | None = None,
    added: Mapping[str, bytes] | None = None,
) -> Pushed:
    """Uploads a release folder to a data set repository; makes one, private, if it is not there.

    The commit is tagged with the release's name, so that a trainer can pin it as `revision`.

    Args:
        folder: the release.
        repo: `owner/name`.
        public: makes a new repository public, and allows one that is public.
        endpoint: of the Hub; that of `HF_ENDPOINT` if not set.
        added: files that go along, or in place of some of the release, by name.

    Raises:
        PushError: there is no token; files are not as they were written; the repository is public
            and that was not asked for; or the Hub refused or was not reached.
    """
    # Half a second to import; the other commands do without.
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    broken = broken_files(folder)
    if broken is None or broken:
        said = "it has no checksums" if broken is None else f"{', '.join(broken)} changed since"
        raise PushError(f"{folder} is not as it was released ({said}): make the release again")
    token = get_token()
    if token is None:
        raise PushError("there is no token for the Hub: set HF_TOKEN, or use `hf auth login`")
    api = HfApi(endpoint=endpoint, token=token)
    try:
        with _with_added(folder, added or {}) as sent:
            return _upload(api, folder.name, sent, repo, public)
    except HFValidationError as error:
        raise PushError(f"{repo!r} is no repository of the Hub: {_first_line(error)}") from None
    except HfHubHTTPError as error:
        raise PushError(
            f"the Hub refused {repo}: {_first_line(error)}. See that the token may write there."
        ) from None
    except _transport_faults() as error:
        raise PushError(
            f"the Hub at {api.endpoint} was not reached or broke off ({_first_line(error)}); push "
            "again: what is there is not sent twice"
        ) from None


@contextmanager
def _with_added(folder: Path, added: Mapping[str, bytes]) -> Iterator[Path]:
    """A folder of what is sent. Its checksums hold for the added files too."""
    if not added:
        yield folder
        return
    with TemporaryDirectory(prefix="wsrl-push-") as name:
        sent = Path(name)
        for path in folder.iterdir():
            if path.name not in (*added, CHECKSUMS):
                (sent / path.name).symlink_to(path.resolve())
        for file, content in added.items():
            (sent / file).write_bytes(content)
        write_checksums(sent)
        yield sent


def _upload(api: "HfApi", release: str, folder: Path, repo: str, public: bool) -> Pushed:
    url = api.create_repo(repo, repo_type="dataset", private=not public, exist_ok=True)
    private = bool(api.dataset_info(repo).private)
    if not private and not public:
        raise PushError(
            f"{repo} is a public repository: add --public to push to it all the same, or name "
            "another one, which will be private"
        )
    done = api.upload_folder(
        repo_id=repo,
        repo_type="dataset",
        folder_path=folder,
        commit_message=f"Release {release}",
    )
    api.create_tag(repo, tag=release, revision=done.oid, repo_type="dataset", exist_ok=True)
    return Pushed(str(url), done.oid, private)


def _transport_faults() -> tuple[type[Exception], ...]:
    """Those of the HTTP library that the Hub's client is made with, which its versions changed."""
    from huggingface_hub.errors import HfHubHTTPError

    return (OSError, *(base for base in HfHubHTTPError.__mro__ if base.__name__ == "HTTPError"))


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]
