"""Run, verify and make packs of CLIP models, without PyTorch.

    import clip_pack

    model = clip_pack.Model("clip.clippack")
    images = model.embed_images(["cat.jpg", "dog.png"])  # float32 [2, model.width], normalised
    texts = model.embed_texts(["a cat", "a dog"])
    print(images @ texts.T)                               # cosines

Everything runs in the shared library beside this file, with NumPy for the arrays; the command
`clip-pack` comes with it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str
    from ._errors import Error, Refused, Unreadable
    from ._model import Classification, Model
    from ._packs import convert, verify

__all__ = [
    "Classification",
    "Error",
    "Model",
    "Refused",
    "Unreadable",
    "__version__",
    "convert",
    "verify",
]

_MODULES = {
    "Classification": "_model",
    "Error": "_errors",
    "Model": "_model",
    "Refused": "_errors",
    "Unreadable": "_errors",
    "convert": "_packs",
    "verify": "_packs",
}


def __getattr__(name: str) -> Any:
    """Loads the library, and NumPy, when they are first needed: the command needs neither."""
    if name == "__version__":
        from ._library import library

        return library.clippack_version().decode()
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module("." + _MODULES[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> "list[str]":
    return sorted(__all__)
