"""Embeddings of questions, by sentence-transformers: the extra `embeddings`."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsrl_assets.errors import UserError

_BATCH = 64


class EmbeddingError(UserError, RuntimeError):
    """Embeddings were asked for and cannot be made; the message says what to do."""


class Embedder:
    """An embedding model.

    Args:
        model: a folder that holds it, or a name on the Hugging Face Hub. A folder needs no network.

    Raises:
        EmbeddingError: the extra is not installed, or there is no such model.
    """

    def __init__(self, model: str) -> None:
        self.model = model
        self._encoder = _load(model)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """A vector of unit length for each text, in rows."""
        vectors = self._encoder.encode(
            list(texts),
            batch_size=_BATCH,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return np.asarray(vectors, dtype=np.float32)


@cache
def _load(model: str) -> Any:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        raise EmbeddingError(
            f"WSRL_EMBEDDING_MODEL is {model!r}, and sentence-transformers is not installed: "
            "pip install 'wsrl-assets[embeddings]', or unset it."
        ) from None
    try:
        return SentenceTransformer(model)
    except Exception as error:  # whatever the hub, the file system or torch has to say
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else repr(error)
        raise EmbeddingError(
            f"the embedding model {model!r} cannot be loaded ({reason}). Set WSRL_EMBEDDING_MODEL "
            "to the folder of a sentence-transformers model, or to its name on the Hub."
        ) from None
