"""A pack that answers."""

import ctypes
import itertools
import os
import weakref
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np
from numpy.typing import NDArray

from . import _images
from ._errors import Refused
from ._images import Image
from ._library import Info, Options, check, error, library

Floats = NDArray[np.float32]


class Classification(NamedTuple):
    """One label's share of a picture."""

    label: str
    probability: float
    """Of all labels given; of this label alone where the model was trained with sigmoids."""
    cosine: float


class Model:
    """A CLIP in a pack, ready to answer.

    Any number of threads may use a model at once; other Python threads run during a call. A model
    may be used after a fork, on both sides; and it can be pickled: as the path, with the digest of
    the content, which is checked where it is opened again. Weights are read at first use.
    """

    def __init__(
        self,
        path: Union[str, "os.PathLike[str]"],
        *,
        threads: Optional[int] = None,
        compute: Optional[str] = None,
    ) -> None:
        """Opens a pack.

        Args:
            path: a file as `clip_pack.convert` makes it.
            threads: how many work on a call, the calling one included; one for each processor that
                this process may use unless given. Results do not depend on it.
            compute: "f32", "bf16" or "int8"; the fastest that was accurate enough when the pack was
                made, as its evidence says, unless given.

        Raises:
            Unreadable: the file cannot be read.
            Refused: it is no sound pack, or an argument is not allowed.
        """
        self.path = os.path.abspath(os.fspath(path))
        self._arguments = (threads, compute)
        if threads is not None and not 1 <= threads <= 1024:
            raise Refused(f"threads is {threads}, 1 to 1024 are allowed")
        options = Options(
            ctypes.sizeof(Options), threads or 0, None if compute is None else compute.encode()
        )
        handle = ctypes.c_void_p()
        check(library.clippack_open(os.fsencode(self.path), options, handle))
        self._handle = handle
        weakref.finalize(self, library.clippack_close, handle)
        info = Info(size=ctypes.sizeof(Info))
        check(library.clippack_get_info(handle, info))
        self.width: int = info.width
        """Elements of an embedding."""
        self.image_size: Optional[Tuple[int, int]] = (
            (info.image_height, info.image_width) if info.image_height else None
        )
        """Height and width of what the image tower takes; None without one."""
        self.context_length: Optional[int] = info.context_length or None
        """The most tokens of a text; None without a text tower."""
        self.vocabulary_size: Optional[int] = info.vocabulary_size or None
        self.has_tokenizer = bool(info.has_tokenizer)
        self.threads: int = info.threads
        self.compute: str = info.compute.decode()
        self.digest: str = info.digest.decode()
        """64 hexadecimal digits, the same for packs of the same content, however stored."""
        self.space: str = info.space.decode()
        """32 hexadecimal digits: embeddings are comparable where this is the same."""

    def __repr__(self) -> str:
        return f"<clip_pack.Model {self.path!r}, {self.width} wide, {self.compute}>"

    def __reduce__(self) -> Any:
        return _reopened, (self.path, *self._arguments, self.digest)

    # Texts

    def embed_texts(self, texts: Union[str, Sequence[str]]) -> Floats:
        """The embeddings of texts, float32 [texts, width], of length 1.

        A text of more tokens than the model has positions is cut off, its end token kept.
        """
        starts, lengths, count = _strings(texts)
        rows = np.empty((count, self.width), np.float32)
        check(
            library.clippack_embed_texts(self._handle, starts, lengths, count, _floats(rows), None)
        )
        return rows

    def tokenize(self, texts: Union[str, Sequence[str]]) -> List[List[int]]:
        """The token ids that the text tower reads of each text, start and end included."""
        starts, lengths, count = _strings(texts)
        ids = np.empty((count, self.context_length or 0), np.int32)
        counts = (ctypes.c_size_t * count)()
        check(
            library.clippack_tokenize(
                self._handle, starts, lengths, count, _ints(ids), counts, None
            )
        )
        return [row[:used].tolist() for row, used in zip(ids, counts)]

    # Pictures

    def embed_images(self, images: Union[Image, Iterable[Image]]) -> Floats:
        """The embeddings of pictures, float32 [pictures, width], of length 1.

        Args:
            images: paths of PNG, JPEG or WebP files, the bytes of such files, Pillow pictures, or
                uint8 arrays (height, width, 3); in any mixture. Also a single one.

        Raises:
            Unreadable, Refused: naming the first picture that cannot be used.
        """
        rows, failures = self._each("embed", images, (self.width,))
        return _all(rows, failures)

    def try_embed_images(
        self, images: Union[Image, Iterable[Image]]
    ) -> Tuple[Floats, List[Optional[str]]]:
        """As `embed_images`, but a picture that cannot be used holds up no other: its row is NaN.

        Returns:
            The rows, and for each picture None or why it has no embedding.
        """
        rows, failures = self._each("embed", images, (self.width,))
        return rows, [
            str(failures[index]) if index in failures else None for index in range(len(rows))
        ]

    def preprocess(self, images: Union[Image, Iterable[Image]]) -> Floats:
        """What the image tower takes of pictures, float32 [pictures, 3, height, width]: resized as
        Pillow does, cropped and normalised."""
        height, width = self.image_size or (0, 0)
        rows, failures = self._each("preprocess", images, (3, height, width))
        return _all(rows, failures)

    def embed_pixels(self, pixels: Floats) -> Floats:
        """The embeddings of what `preprocess` gives."""
        height, width = self.image_size or (0, 0)
        pixels = np.ascontiguousarray(pixels, np.float32)
        if pixels.ndim != 4 or pixels.shape[1:] != (3, height, width):
            raise Refused(f"pixels are {pixels.shape}, (pictures, 3, {height}, {width}) is needed")
        rows = np.empty((len(pixels), self.width), np.float32)
        check(
            library.clippack_embed_pixels(self._handle, _floats(pixels), len(pixels), _floats(rows))
        )
        return rows

    def _each(
        self, function: str, images: Any, shape: Tuple[int, ...]
    ) -> Tuple[Floats, Dict[int, Exception]]:
        """Rows for pictures of any kind, and errors by index."""
        images = iter([images] if _images.is_single(images) else images)
        parts: List[Floats] = []
        failures: Dict[int, Exception] = {}
        start = 0
        while True:
            # Pillow pictures become arrays: not more of them at once than these.
            chunk = list(itertools.islice(images, 1024))
            if not chunk and parts:
                return np.concatenate(parts), failures
            part = np.empty((len(chunk), *shape), np.float32)
            kinds: Dict[str, List[Tuple[int, Any]]] = {}
            for index, image in enumerate(chunk):
                kind, prepared = _images.prepare(image, start + index)
                kinds.setdefault(kind, []).append((index, prepared))
            for kind, members in kinds.items() or [(_images.FILE, [])]:
                rows, found = self._kind(function, kind, [one for _, one in members], shape)
                places = [index for index, _ in members]
                part[places] = rows
                failures.update({start + places[index]: found[index] for index in found})
            parts.append(part)
            start += len(chunk)

    def _kind(
        self, function: str, kind: str, pictures: Sequence[Any], shape: Tuple[int, ...]
    ) -> Tuple[Floats, Dict[int, Exception]]:
        rows = np.empty((len(pictures), *shape), np.float32)
        status = np.zeros(len(pictures), np.int32)
        call = getattr(library, f"clippack_{function}_{kind}")
        check(call(self._handle, *_images.arguments(kind, pictures), _floats(rows), _ints(status)))
        return rows, {
            int(index): error(int(status[index]), library.clippack_item_error(index).decode())
            for index in np.flatnonzero(status)
        }

    # Both

    def classify(
        self,
        image: Union[Image, Sequence[Image]],
        labels: Sequence[str],
        template: str = "This is a photo of {}.",
    ) -> Any:
        """How well each label fits a picture, best first.

        Args:
            image: as `embed_images` takes one, or several.
            labels: what may be seen.
            template: the sentence that a label stands in, in place of {}.

        Returns:
            A list of `Classification`; for several pictures, a list of such lists.
        """
        embeddings = self.embed_images(image)
        texts = (ctypes.c_char_p * len(labels))(*[label.encode() for label in labels])
        probabilities = np.empty((len(embeddings), len(labels)), np.float32)
        cosines = np.empty_like(probabilities)
        check(
            library.clippack_classify(
                self._handle,
                _floats(embeddings),
                len(embeddings),
                texts,
                len(labels),
                template.encode(),
                _floats(probabilities),
                _floats(cosines),
            )
        )
        results = [
            sorted(
                map(Classification, labels, shares.tolist(), angles.tolist()),
                key=lambda one: -one.cosine,
            )
            for shares, angles in zip(probabilities, cosines)
        ]
        return results[0] if _images.is_single(image) else results

    def encode(
        self,
        inputs: Any,
        batch_size: int = 32,
        show_progress_bar: Optional[bool] = None,
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        normalize_embeddings: bool = True,
        **_ignored: Any,
    ) -> Any:
        """As sentence-transformers' `encode`: strings are texts, everything else is a picture.

        Embeddings are normalised, whatever is asked for. One input gives an array of one dimension.
        """
        single = isinstance(inputs, str) or _images.is_single(inputs)
        items = [inputs] if single else list(inputs)
        rows = np.empty((len(items), self.width), np.float32)
        for embed, places in (
            (self.embed_texts, [i for i, one in enumerate(items) if isinstance(one, str)]),
            (self.embed_images, [i for i, one in enumerate(items) if not isinstance(one, str)]),
        ):
            if places:
                rows[places] = embed([items[place] for place in places])
        result: Any = rows[0] if single else rows
        if convert_to_tensor:
            import torch  # type: ignore[import-not-found, unused-ignore]

            return torch.from_numpy(result)
        return result if convert_to_numpy or single else list(result)

    def get_sentence_embedding_dimension(self) -> int:
        """As sentence-transformers has it: `width`."""
        return self.width

    @property
    def max_seq_length(self) -> Optional[int]:
        """As sentence-transformers has it: `context_length`."""
        return self.context_length


def _reopened(path: str, threads: Optional[int], compute: Optional[str], digest: str) -> Model:
    model = Model(path, threads=threads, compute=compute)
    if model.digest != digest:
        raise Refused(f"{path}: its content is {model.digest}, the pickled model's was {digest}")
    return model


def _strings(texts: Union[str, Sequence[str]]) -> Tuple[Any, Any, int]:
    encoded = [text.encode() for text in ([texts] if isinstance(texts, str) else texts)]
    count = len(encoded)
    return (
        (ctypes.c_char_p * count)(*encoded),
        (ctypes.c_size_t * count)(*map(len, encoded)),
        count,
    )


def _floats(array: Floats) -> Any:
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_float))


def _ints(array: "NDArray[np.int32]") -> Any:
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))


def _all(rows: Floats, failures: Dict[int, Exception]) -> Floats:
    for index in sorted(failures):
        failure = failures[index]
        raise type(failure)(f"picture {index}: {failure}")
    return rows
