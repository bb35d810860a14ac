"""Making and verifying packs."""

import ctypes
import json
import os
from typing import Any, Callable, Dict, List, Optional, Union

from ._errors import Unreadable
from ._library import OK, PROGRESS, check, library, take_report

Path = Union[str, "os.PathLike[str]"]


def convert(
    source: Path,
    output: Path,
    *,
    progress: Optional[Callable[[str, Optional[float]], None]] = None,
    **options: Any,
) -> Dict[str, Any]:
    """Makes a pack of a checkpoint, and measures how it answers.

    Args:
        source: a file of weights, a folder, an index of shards, or a hub id such as
            "openai/clip-vit-base-patch32" in the local Hugging Face cache.
        output: the pack; it appears whole or not at all.
        progress: called with what is going on and how much of it is done, 0 to 1 or None.
        options: to="lossless", "f16", "bf16" or "int8"; or bits, max_bytes or min_cosine; storage=
            "compact" or "mapped"; towers="both", "image" or "text"; tokenizer=folder; adapter;
            calibration="built-in" (the default), "none", a folder or paths of pictures; evidence=False;
            evidence_images=a folder or paths; evidence_texts=strings; allow_non_finite; threads.

    Returns:
        What the command prints with --json: output, content_digest, pack_bytes, …
    """

    def step(_: Any, name: bytes, share: float) -> None:
        if progress:
            progress(name.decode(), share if share >= 0 else None)

    for key in ("evidence_images", "calibration"):
        value = options.get(key)
        if value is not None and value not in ("built-in", "none"):
            options[key] = _pictures(value)
    callback = PROGRESS(step) if progress else PROGRESS()
    report = ctypes.c_void_p()
    check(
        library.clippack_convert(
            os.fspath(source).encode(), os.fsencode(output), _json(options), callback, None, report
        )
    )
    result: Dict[str, Any] = json.loads(take_report(report))
    return result


def verify(path: Path, **options: Any) -> Dict[str, Any]:
    """Checks every byte of a pack, and proves by the full forward pass that it answers like its
    original.

    Args:
        path: the pack.
        options: against=a checkpoint, with adapter and tokenizer as it was converted; or
            reference=a file of another implementation's outputs; min_cosine; compute; public_key;
            threads.

    Returns:
        What the command prints with --json: passed, failures, image_cosine_min, …

    Raises:
        Refused: for what is no pack, or a damaged one.
    """
    report = ctypes.c_void_p()
    status = library.clippack_verify(os.fsencode(path), _json(options), report)
    if report.value is None and status != OK:
        check(status)
    result: Dict[str, Any] = json.loads(take_report(report))
    return result


def _json(options: Dict[str, Any]) -> bytes:
    return json.dumps(options, default=os.fspath).encode()


def _pictures(value: Any) -> List[str]:
    """Paths, or those of a folder's pictures in the order of their names."""
    if not isinstance(value, (str, os.PathLike)):
        return [os.fspath(path) for path in value]
    folder = os.fspath(value)
    names = [
        name
        for name in sorted(os.listdir(folder), key=os.fsencode)
        if name.lower().endswith((".png", ".jpg", ".jpeg", ".webp")) and not name.startswith("._")
    ]
    if not names:
        raise Unreadable(f"'{folder}' has no .png, .jpg, .jpeg or .webp file")
    return [os.path.join(folder, name) for name in names]
