"""The functions of libclippack, declared as in clippack.h."""

import ctypes
import os
from ctypes import POINTER, c_char, c_char_p, c_double, c_float, c_int, c_int32, c_size_t
from ctypes import c_uint32, c_void_p

from ._errors import Error, Refused, Unreadable

ABI_VERSION = 1
OK, REFUSED, UNREADABLE, ARGUMENT = range(4)


class Options(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("threads", c_uint32), ("compute", c_char_p)]


class Info(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("width", c_size_t),
        ("image_height", c_size_t),
        ("image_width", c_size_t),
        ("context_length", c_size_t),
        ("vocabulary_size", c_size_t),
        ("threads", c_size_t),
        ("has_tokenizer", c_int32),
        ("compute", c_char * 8),
        ("digest", c_char * 65),
        ("space", c_char * 33),
    ]


class RGB(ctypes.Structure):
    _fields_ = [
        ("levels", c_void_p),
        ("width", c_size_t),
        ("height", c_size_t),
        ("stride", c_size_t),
    ]


PROGRESS = ctypes.CFUNCTYPE(None, c_void_p, c_char_p, c_double)

_floats = POINTER(c_float)
_ints = POINTER(c_int32)
_sizes = POINTER(c_size_t)
_strings = POINTER(c_char_p)
_pointers = POINTER(c_void_p)
_report = POINTER(c_void_p)

_FUNCTIONS = {
    "abi_version": (c_int, []),
    "version": (c_char_p, []),
    "last_error": (c_char_p, []),
    "item_error": (c_char_p, [c_size_t]),
    "free": (None, [c_void_p]),
    "open": (c_int, [c_char_p, POINTER(Options), POINTER(c_void_p)]),
    "close": (None, [c_void_p]),
    "get_info": (c_int, [c_void_p, POINTER(Info)]),
    "embed_texts": (c_int, [c_void_p, _strings, _sizes, c_size_t, _floats, _ints]),
    "tokenize": (c_int, [c_void_p, _strings, _sizes, c_size_t, _ints, _sizes, _ints]),
    "embed_ids": (c_int, [c_void_p, _ints, _sizes, c_size_t, _floats]),
    "embed_files": (c_int, [c_void_p, _strings, c_size_t, _floats, _ints]),
    "embed_encoded": (c_int, [c_void_p, _pointers, _sizes, c_size_t, _floats, _ints]),
    "embed_rgb": (c_int, [c_void_p, POINTER(RGB), c_size_t, _floats, _ints]),
    "embed_pixels": (c_int, [c_void_p, _floats, c_size_t, _floats]),
    "preprocess_files": (c_int, [c_void_p, _strings, c_size_t, _floats, _ints]),
    "preprocess_encoded": (c_int, [c_void_p, _pointers, _sizes, c_size_t, _floats, _ints]),
    "preprocess_rgb": (c_int, [c_void_p, POINTER(RGB), c_size_t, _floats, _ints]),
    "classify": (
        c_int,
        [c_void_p, _floats, c_size_t, _strings, c_size_t, c_char_p, _floats, _floats],
    ),
    "verify": (c_int, [c_char_p, c_char_p, _report]),
    "convert": (c_int, [c_char_p, c_char_p, c_char_p, PROGRESS, c_void_p, _report]),
}


def _load() -> ctypes.CDLL:
    # Unlike PyDLL, CDLL lets other Python threads run during a call.
    library = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "libclippack.so"))
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, "clippack_" + name)
        function.restype, function.argtypes = result, arguments
    found = library.clippack_abi_version()
    if found != ABI_VERSION:
        raise ImportError(f"libclippack has ABI {found}, this package needs {ABI_VERSION}")
    return library


library = _load()


def error(status: int, message: str) -> Error:
    """The exception for a status other than OK."""
    return (Unreadable if status == UNREADABLE else Refused)(message)


def check(status: int) -> None:
    """Raises what the last call of this thread had to say."""
    if status != OK:
        raise error(status, library.clippack_last_error().decode())


def take_report(report: c_void_p) -> str:
    """A report as a string; the library's memory is freed."""
    try:
        return ctypes.string_at(report).decode()
    finally:
        library.clippack_free(report)
