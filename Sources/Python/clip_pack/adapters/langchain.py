"""LangChain: an `Embeddings` for any of its vector stores."""

from typing import List

from langchain_core.embeddings import Embeddings

from .._images import Image
from .._model import Model


class ClipPack(Embeddings):
    """Embeds documents and queries as texts, and pictures by `embed_image`."""

    def __init__(self, path: str) -> None:
        self.model = Model(path)

    def embed_documents(self, texts: List[str]) -> List[List[float]]:
        return self.model.embed_texts(texts).tolist()

    def embed_query(self, text: str) -> List[float]:
        return self.model.embed_texts([text])[0].tolist()

    def embed_image(self, uris: List[Image]) -> List[List[float]]:
        return self.model.embed_images(uris).tolist()
