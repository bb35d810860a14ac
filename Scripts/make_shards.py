#!/usr/bin/env python3
"""Makes Tests/Fixtures/shards: small tars in each dialect, as img2dataset and tar write them.

Python's tarfile alone; the same bytes every time.
"""
import io
import pathlib
import tarfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PICTURES = ROOT / "Tests/Fixtures/pictures"
FOLDER = ROOT / "Tests/Fixtures/shards"


def write(name, form, members):
    with tarfile.open(FOLDER / name, "w", format=form) as tar:
        for path, content in members:
            entry = tarfile.TarInfo(path)
            if content is None:
                entry.type = tarfile.DIRTYPE
                tar.addfile(entry)
            else:
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))


def main():
    FOLDER.mkdir(exist_ok=True)
    red = (PICTURES / "01-red-on-black.jpg").read_bytes()
    yellow = (PICTURES / "03-yellow-on-grey.jpg").read_bytes()
    cyan = (PICTURES / "02-cyan-on-grey.png").read_bytes()
    deep = "folder/" * 20
    samples = [
        ("a", None), ("a/000.jpg", red), ("a/000.txt", b"a red shape on a black background"),
        ("a/000.json", b"{}"), ("a/001.JPEG", red[:700]), ("a/001.txt", b"cut short"),
        ("a/002.txt", b"no picture"), ("b/000.cls", b"7"), ("b/000.png", cyan),
        (deep + "long.name.txt", "Ünïcödé".encode()), (deep + "long.jpg", yellow),
    ]
    write("ustar.tar", tarfile.USTAR_FORMAT, samples[:9])
    write("gnu.tar", tarfile.GNU_FORMAT, samples)
    write("pax.tar", tarfile.PAX_FORMAT, [*samples, ("ü/000.jpg", red)])


if __name__ == "__main__":
    main()
