"""Chroma: texts and pictures of one collection.

collection = client.create_collection("photos", embedding_function=ClipPack("clip.clippack"))
collection.add(ids=["1"], images=[array])
collection.query(query_texts=["a dog"])
"""

from typing import Any, Dict

import numpy as np
from chromadb.api.types import Embeddable, EmbeddingFunction, Embeddings
from chromadb.utils.embedding_functions import register_embedding_function

from .._model import Model


@register_embedding_function
class ClipPack(EmbeddingFunction[Embeddable]):
    """Embeds texts, and pictures as uint8 arrays (height, width, 3)."""

    def __init__(self, path: str) -> None:
        self.model = Model(path)

    def __call__(self, input: Embeddable) -> Embeddings:
        return list(
            self.model.encode([one if isinstance(one, str) else np.asarray(one) for one in input])
        )

    @staticmethod
    def name() -> str:
        return "clip_pack"

    def default_space(self) -> Any:
        return "cosine"

    def get_config(self) -> Dict[str, Any]:
        """The pack, and the space that its embeddings lie in."""
        return {"path": self.model.path, "space": self.model.space}

    @staticmethod
    def build_from_config(config: Dict[str, Any]) -> "ClipPack":
        function = ClipPack(config["path"])
        function.validate_config_update(config, function.get_config())
        return function

    def validate_config_update(self, old: Dict[str, Any], new: Dict[str, Any]) -> None:
        if old["space"] != new["space"]:
            raise ValueError(
                f"the collection is in the space {old['space']}, "
                f"the pack embeds into {new['space']}"
            )
