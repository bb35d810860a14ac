#!/usr/bin/env python3
"""Puts a wheel together; the same bytes for the same files.

    write_wheel.py VERSION BUILD-FOLDER OUTPUT-FOLDER        (called by Scripts/build_wheel)

Source: PEP 427 and PEP 600.
"""

import base64
import hashlib
import os
import pathlib
import platform
import shutil
import sys
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The oldest C library that has all functions that the build uses; auditwheel says the same.
GLIBC = "2_34"

METADATA = """Metadata-Version: 2.4
Name: clip_pack
Version: {version}
Summary: Run, verify and make packs of CLIP models, without PyTorch
Requires-Python: >=3.8
Requires-Dist: numpy>=1.21
Classifier: Operating System :: POSIX :: Linux
Classifier: Typing :: Typed
{licences}Description-Content-Type: text/markdown

"""
WHEEL = """Wheel-Version: 1.0
Generator: write_wheel.py
Root-Is-Purelib: false
Tag: {tag}
"""
# What is linked, and where its licence stands.
NOTICES = {
    "OpenBLAS": "/usr/share/doc/libopenblas-dev/copyright",
    "libjpeg-turbo": "/usr/share/doc/libjpeg62-turbo-dev/copyright",
    "libpng": "/usr/share/doc/libpng-dev/copyright",
    "libwebp": "/usr/share/doc/libwebp-dev/copyright",
    "zlib": "/usr/share/doc/zlib1g-dev/copyright",
    "zstd": "/usr/share/doc/libzstd-dev/copyright",
}


def licences(build):
    """The notices of everything that is linked: texts by name."""
    found = {name: pathlib.Path(path).read_bytes() for name, path in NOTICES.items()}
    toolchain = pathlib.Path(os.path.realpath(shutil.which("swift"))).parent.parent
    found["Swift"] = (toolchain / "share/swift/LICENSE.txt").read_bytes()
    for folder in sorted((build / "checkouts").iterdir()):
        for path in sorted([*folder.glob("LICENSE*"), *folder.glob("NOTICE*")]):
            found[f"{folder.name}-{path.stem}"] = path.read_bytes()
    return {f"{name}.txt": text for name, text in found.items()}


def main():
    version, build, output = sys.argv[1], *map(pathlib.Path, sys.argv[2:])
    tag = f"py3-none-manylinux_{GLIBC}_{platform.machine()}"
    info = f"clip_pack-{version}.dist-info"
    files = {}
    package = ROOT / "Sources/Python/clip_pack"
    for path in sorted(package.rglob("*")):
        if path.suffix == ".py" or path.name == "py.typed":
            files[f"clip_pack/{path.relative_to(package).as_posix()}"] = path.read_bytes()
    files["clip_pack/libclippack.so"] = (build / "release/libclippack.so").read_bytes()
    files["clip_pack/libclippack_blas.so"] = (build / "static/libopenblas.so").read_bytes()
    files["clip_pack/clip-pack"] = (build / "clip-pack").read_bytes()
    notices = licences(build)
    for name, text in notices.items():
        files[f"{info}/licenses/{name}"] = text
    lines = "".join(f"License-File: {name}\n" for name in notices)
    readme = (ROOT / "Sources/Python/README.md").read_text()
    files[f"{info}/METADATA"] = (METADATA.format(version=version, licences=lines) + readme).encode()
    files[f"{info}/WHEEL"] = WHEEL.format(tag=tag).encode()
    files[f"{info}/entry_points.txt"] = b"[console_scripts]\nclip-pack = clip_pack.__main__:main\n"
    record = ""
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(text)}\n"
    files[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    target = output / f"clip_pack-{version}-{tag}.whl"
    partial = target.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as wheel:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            runs = name.endswith((".so", "clip-pack"))
            entry.external_attr = (0o100755 if runs else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(entry, text, compresslevel=9)
    partial.rename(target)
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
