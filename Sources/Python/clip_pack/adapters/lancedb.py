"""LanceDB: a function of its registry.

function = lancedb.embeddings.get_registry().get("clip_pack").create(path="clip.clippack")
"""

from typing import Any, List

from lancedb.embeddings import EmbeddingFunction, register
from pydantic import PrivateAttr

from .._model import Model


@register("clip_pack")
class ClipPack(EmbeddingFunction):  # type: ignore[misc]
    """Queries are texts or pictures; sources are pictures: paths, bytes or Pillow's."""

    path: str
    _model: Any = PrivateAttr(default=None)

    @property
    def model(self) -> Model:
        if self._model is None:
            self._model = Model(self.path)
        return self._model

    def ndims(self) -> int:
        return self.model.width

    def compute_query_embeddings(self, query: Any, *args: Any, **kwargs: Any) -> List[Any]:
        return [self.model.encode(query)]

    def compute_source_embeddings(self, images: Any, *args: Any, **kwargs: Any) -> List[Any]:
        items = images.to_pylist() if hasattr(images, "to_pylist") else images
        return list(self.model.embed_images(items))
