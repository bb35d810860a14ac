"""LlamaIndex: a `MultiModalEmbedding`."""

from typing import Any, List

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.embeddings import MultiModalEmbedding

from .._model import Model


class ClipPack(MultiModalEmbedding):
    """Embeds texts, and pictures by their paths or as streams of their bytes."""

    path: str
    _model: Model = PrivateAttr()

    def __init__(self, path: str, **options: Any) -> None:
        super().__init__(path=path, model_name="clip_pack", **options)
        self._model = Model(path)

    def _get_text_embedding(self, text: str) -> List[float]:
        return self._model.embed_texts([text])[0].tolist()

    def _get_query_embedding(self, query: str) -> List[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> List[float]:
        return self._get_text_embedding(query)

    def _get_text_embeddings(self, texts: List[str]) -> List[List[float]]:
        return self._model.embed_texts(texts).tolist()

    def _get_image_embedding(self, img_file_path: Any) -> List[float]:
        image = img_file_path.read() if hasattr(img_file_path, "read") else img_file_path
        return self._model.embed_images([image])[0].tolist()

    async def _aget_image_embedding(self, img_file_path: Any) -> List[float]:
        return self._get_image_embedding(img_file_path)
