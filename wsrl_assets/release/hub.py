"""A release on the Hugging Face Hub: its folder as it is, in a data set repository.

Nothing here runs unless it is asked for. The token is the one of `HF_TOKEN` or `hf auth login`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wsrl_assets.release.dataset import ReleaseError
from wsrl_assets.release.folder import broken_files

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


def push(folder: Path, repo: str, *, public: bool = False, endpoint: str | None = None) -> Pushed:
    """Uploads a release folder to a data set repository; makes one, private, if it is not there.

    The commit is tagged with the release's name, so that a trainer can pin it as `revision`.

    Args:
        folder: the release.
        repo: `owner/name`.
        public: makes a new repository public, and allows one that is public.
        endpoint: of the Hub; that of `HF_ENDPOINT` if not set.

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
        return _upload(api, folder, repo, public)
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


def _upload(api: "HfApi", folder: Path, repo: str, public: bool) -> Pushed:
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
        commit_message=f"Release {folder.name}",
    )
    api.create_tag(repo, tag=folder.name, revision=done.oid, repo_type="dataset", exist_ok=True)
    return Pushed(str(url), done.oid, private)


def _transport_faults() -> tuple[type[Exception], ...]:
    """Those of the HTTP library that the Hub's client is made with, which its versions changed."""
    from huggingface_hub.errors import HfHubHTTPError

    return (OSError, *(base for base in HfHubHTTPError.__mro__ if base.__name__ == "HTTPError"))


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]
