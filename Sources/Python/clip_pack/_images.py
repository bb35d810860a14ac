"""Pictures in the forms that people have them, as the library takes them."""

import ctypes
import os
from typing import TYPE_CHECKING, Any, List, Sequence, Tuple, Union

import numpy as np

from ._errors import Refused
from ._library import RGB

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

    Image = Union[str, "os.PathLike[str]", bytes, PILImage, "np.ndarray[Any, Any]"]
else:
    Image = Any

FILE, ENCODED, LEVELS = "files", "encoded", "rgb"


def is_single(images: Any) -> bool:
    """Whether something is one picture and not a sequence of them."""
    if isinstance(images, np.ndarray):
        return images.ndim == 3
    return isinstance(images, (str, bytes, bytearray, memoryview, os.PathLike)) or hasattr(
        images, "convert"
    )


def prepare(image: Any, index: int) -> Tuple[str, Any]:
    """The kind of a picture, and what stands for it in a call of that kind."""
    if isinstance(image, (str, os.PathLike)):
        return FILE, os.fsencode(image)
    if isinstance(image, (bytes, bytearray, memoryview)):
        return ENCODED, bytes(image)
    if hasattr(image, "convert"):  # Pillow's, without importing it
        image = np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise Refused(
                f"picture {index} is an array of {image.dtype} {image.shape}, "
                "uint8 (height, width, 3) is needed"
            )
        return LEVELS, np.ascontiguousarray(image)
    raise Refused(
        f"picture {index} is a {type(image).__name__}; a path, bytes, a Pillow picture or an array "
        "is needed"
    )


def arguments(kind: str, pictures: Sequence[Any]) -> List[Any]:
    """What the library's function of that kind takes before the outputs."""
    count = len(pictures)
    if kind == FILE:
        return [(ctypes.c_char_p * count)(*pictures), count]
    if kind == ENCODED:
        starts = (ctypes.c_char_p * count)(*pictures)
        return [
            ctypes.cast(starts, ctypes.POINTER(ctypes.c_void_p)),
            (ctypes.c_size_t * count)(*map(len, pictures)),
            count,
        ]
    described = (RGB * count)()
    for one, levels in zip(described, pictures):
        one.levels, one.width, one.height = levels.ctypes.data, levels.shape[1], levels.shape[0]
    return [described, count]
