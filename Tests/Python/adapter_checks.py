"""What Scripts/check_wheel asks of the adapters, with the real packages, in an empty folder."""

import io
import os
import pathlib

import numpy as np
from PIL import Image

import clip_pack

FIXTURES = pathlib.Path(os.environ["FIXTURES"])
PICTURES = sorted(map(str, (FIXTURES / "pictures").glob("*.jpg")))[:6]
PACK = os.path.abspath("adapters.clippack")


def chroma(model):
    import chromadb
    from clip_pack.adapters.chroma import ClipPack

    client = chromadb.PersistentClient("chroma")
    collection = client.create_collection("pictures", embedding_function=ClipPack(PACK))
    arrays = [np.asarray(Image.open(path).convert("RGB")) for path in PICTURES]
    collection.add(ids=PICTURES, images=arrays)
    rows = collection.get(ids=PICTURES, include=["embeddings"])["embeddings"]
    assert np.allclose(rows, model.embed_images(arrays), atol=1e-6)
    again = chromadb.PersistentClient("chroma").get_collection("pictures")
    found = again.query(query_texts=["a red shape on a black background"], n_results=1)
    return found["ids"][0][0]


def lance(model):
    import lancedb
    import clip_pack.adapters.lancedb  # noqa: F401  registers
    from lancedb.embeddings import get_registry
    from lancedb.pydantic import LanceModel, Vector

    function = get_registry().get("clip_pack").create(path=PACK)

    class Picture(LanceModel):
        uri: str = function.SourceField()
        vector: Vector(function.ndims()) = function.VectorField()

    table = lancedb.connect("lance").create_table("pictures", schema=Picture)
    table.add([{"uri": path} for path in PICTURES])
    rows = np.stack(table.to_arrow()["vector"].to_numpy())
    assert np.allclose(rows, model.embed_images(PICTURES), atol=1e-6)
    return table.search("a red shape on a black background").limit(1).to_list()[0]["uri"]


def langchain(model):
    from clip_pack.adapters.langchain import ClipPack
    from langchain_core.vectorstores import InMemoryVectorStore

    embeddings = ClipPack(PACK)
    store = InMemoryVectorStore(embeddings)
    store.add_texts(["a red shape", "a blue shape"])
    assert store.similarity_search("a red shape", k=1)[0].page_content == "a red shape"
    assert np.allclose(embeddings.embed_image(PICTURES), model.embed_images(PICTURES), atol=1e-6)
    rows = np.array(embeddings.embed_image(PICTURES))
    return PICTURES[
        int(np.argmax(rows @ embeddings.embed_query("a red shape on a black background")))
    ]


def llama_index(model):
    from clip_pack.adapters.llama_index import ClipPack

    embedding = ClipPack(PACK)
    rows = np.array(embedding.get_image_embedding_batch(PICTURES))
    assert np.allclose(rows, model.embed_images(PICTURES), atol=1e-6)
    stream = io.BytesIO(pathlib.Path(PICTURES[0]).read_bytes())
    assert np.allclose(embedding.get_image_embedding(stream), rows[0], atol=1e-6)
    assert embedding.get_text_embedding("a") == embedding.get_query_embedding("a")
    return PICTURES[
        int(np.argmax(rows @ embedding.get_query_embedding("a red shape on a black background")))
    ]


if __name__ == "__main__":
    clip_pack.convert(FIXTURES / "demo", PACK)
    loaded = clip_pack.Model(PACK)
    for adapter in [chroma, lance, langchain, llama_index]:
        best = adapter(loaded)
        assert "red-on-black" in best, best
        print(f"{'adapter ' + adapter.__name__:<24} finds {os.path.basename(best)}")
