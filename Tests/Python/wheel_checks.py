"""What Scripts/check_wheel asks of an installed clip_pack, in an empty folder.

Needs numpy, pillow; FIXTURES, the folder of fixtures; PROGRAM, a clip-pack of the same version.
"""

import json
import multiprocessing
import os
import pathlib
import pickle
import resource
import subprocess
import sys
import threading
import time

import numpy as np
from PIL import Image

import clip_pack
from clip_pack import Model

FIXTURES = pathlib.Path(os.environ["FIXTURES"])
PICTURES = sorted(map(str, (FIXTURES / "pictures").glob("*.jpg")))
TEXTS = ["a red circle", "", "a photo of two dogs, one of them asleep " * 9, "Ünïcödé 猫"]
PACK = "demo.clippack"


def command(*arguments):
    """The JSON that the program prints."""
    result = subprocess.run(
        [os.environ["PROGRAM"], *arguments, "--json"], check=True, capture_output=True
    )
    return json.loads(result.stdout)


def say(name, text):
    print(f"{name:<24} {text}")


def raises(kind, message, function, *arguments, **options):
    try:
        function(*arguments, **options)
    except kind as error:
        assert str(error) == message, f"{error!s} is not {message}"
        return
    raise AssertionError(f"{message}: was not raised")


def check_packs():
    steps = []
    made = clip_pack.convert(
        FIXTURES / "demo",
        PACK,
        storage="mapped",
        progress=lambda step, share: steps.append((step, share)),
    )
    assert made["output"] == PACK and len(steps) > 3
    assert made["content_digest"] == Model(PACK).digest
    report = clip_pack.verify(PACK)
    assert report["passed"] and report["failures"] == []
    assert not clip_pack.verify(PACK, min_cosine=1)["passed"]
    assert clip_pack.verify(PACK, against=FIXTURES / "demo")["authentic"]
    raises(
        clip_pack.Unreadable,
        "cannot open 'none': No such file or directory",
        clip_pack.verify,
        "none",
    )
    raises(
        clip_pack.Refused,
        'option "to" is "int4", allowed are lossless, f16, bf16, int8',
        clip_pack.convert,
        FIXTURES / "demo",
        "x",
        to="int4",
    )
    pathlib.Path("text").write_text("no pack")
    raises(
        clip_pack.Refused,
        f"{os.path.abspath('text')}: file is 7 bytes, a pack has at least 160",
        Model,
        "text",
    )


def check_answers():
    for compute in [None, "f32", "bf16", "int8"]:
        model = Model(PACK, compute=compute)
        more = [] if compute is None else ["--compute", compute]
        expected = command("embed", PACK, "--text", *TEXTS, *more)
        assert (
            expected["embedding_space"] == model.space
            and expected["content_digest"] == model.digest
        )
        assert expected["compute"] == model.compute
        assert np.array_equal(
            model.embed_texts(TEXTS), np.array(expected["embeddings"], np.float32)
        )
        expected = command("embed", PACK, "--image", *PICTURES, *more)["embeddings"]
        assert np.array_equal(model.embed_images(PICTURES), np.array(expected, np.float32))
    assert model.tokenize(TEXTS) == command("tokenize", PACK, *TEXTS)["input_ids"]
    found = command(
        "classify", PACK, "--image", PICTURES[0], "--label", "red", "blue", "green", *more
    )
    labels = model.classify(PICTURES[0], ["red", "blue", "green"])
    assert [one.label for one in labels] == [one["label"] for one in found["results"][0]["labels"]]
    assert np.allclose(
        [one.cosine for one in labels],
        [one["cosine"] for one in found["results"][0]["labels"]],
        atol=1e-7,
    )
    say(
        "answers",
        f"the command's, bit for bit: {len(TEXTS)} texts, {len(PICTURES)} pictures, 4 ways",
    )


def check_forms():
    model = Model(PACK)
    png = sorted((FIXTURES / "pictures").glob("*.png"))[0]
    forms = [
        png,
        str(png),
        png.read_bytes(),
        Image.open(png),
        np.asarray(Image.open(png).convert("RGB")),
    ]
    rows = model.embed_images(forms)
    assert rows.shape == (5, model.width) and rows.dtype == np.float32 and rows.flags.c_contiguous
    alone = np.concatenate([model.embed_images(one) for one in forms])
    assert all(np.array_equal(row, alone[0]) for row in alone)
    assert np.abs(rows - alone).max() < 1e-6
    assert model.embed_images([]).shape == (0, model.width) and model.embed_texts([]).shape == (
        0,
        model.width,
    )
    pixels = model.preprocess(forms)
    assert pixels.shape == (5, 3, *model.image_size) and all(
        np.array_equal(one, pixels[0]) for one in pixels
    )
    assert np.array_equal(model.embed_pixels(pixels[:1]), alone[:1])
    assert model.encode("a").shape == (model.width,) and model.encode(Image.open(png)).shape == (
        model.width,
    )
    mixed = model.encode(["a", Image.open(png), "b"])
    assert np.array_equal(mixed[1], alone[0]) and np.array_equal(
        mixed[[0, 2]], model.embed_texts(["a", "b"])
    )
    rows, reasons = model.try_embed_images([png, "none.jpg", b"x", np.zeros((9, 7, 3), np.uint8)])
    assert [reason is None for reason in reasons] == [True, False, False, True]
    assert reasons[1] == "cannot open 'none.jpg': No such file or directory"
    assert np.isnan(rows[1]).all() and not np.isnan(rows[[0, 3]]).any()
    raises(
        clip_pack.Unreadable,
        "picture 1: cannot open 'none.jpg': No such file or directory",
        model.embed_images,
        [png, "none.jpg"],
    )
    raises(
        clip_pack.Refused,
        "picture 0 is an array of float64 (2, 2), uint8 (height, width, 3) is needed",
        model.embed_images,
        [np.zeros((2, 2))],
    )
    raises(
        clip_pack.Refused,
        "picture 0 is a int; a path, bytes, a Pillow picture or an array is needed",
        model.embed_images,
        [3],
    )
    raises(clip_pack.Refused, "threads is 0, 1 to 1024 are allowed", Model, PACK, threads=0)


def compare_in_child(model, expected, queue):
    queue.put(np.array_equal(model.embed_texts(TEXTS), expected))


def check_processes():
    model = Model(PACK)
    expected = model.embed_texts(TEXTS)
    for method in ["fork", "spawn", "forkserver"]:
        context = multiprocessing.get_context(method)
        queue = context.Queue()
        children = [
            context.Process(target=compare_in_child, args=(model, expected, queue))
            for _ in range(2)
        ]
        for child in children:
            child.start()
        assert [queue.get(timeout=60) for _ in children] == [True, True], method
        for child in children:
            child.join(60)
            assert child.exitcode == 0
    again = pickle.loads(pickle.dumps(model))
    assert again.digest == model.digest and np.array_equal(again.embed_texts(TEXTS), expected)
    frozen = pickle.dumps(Model(os.path.abspath(PACK)))
    os.rename(PACK, "kept")
    clip_pack.convert(FIXTURES / "demo", PACK, to="f16", evidence=False)
    try:
        pickle.loads(frozen)
        raise AssertionError("another pack was taken for the pickled one")
    except clip_pack.Refused as error:
        assert f"the pickled model's was {model.digest}" in str(error)
    os.replace("kept", PACK)
    say("processes", "fork, spawn, forkserver and pickle: the same bits; another pack is refused")


def mapped(name):
    """How many bytes of a mapped file this process holds: all, and its share where others hold
    them too."""
    totals, inside = {"Rss": 0, "Pss": 0}, False
    for line in pathlib.Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split()[0] and not line.split()[0].endswith(":"):
            inside = line.endswith("/" + name)
        elif inside and line.split(":")[0] in totals:
            totals[line.split(":")[0]] += 1024 * int(line.split()[1])
    return totals["Rss"], totals["Pss"]


def hold(path, ready, done, queue):
    model = Model(path)
    model.embed_texts(TEXTS), model.embed_images(PICTURES)
    ready.wait()
    queue.put(mapped(os.path.basename(path)))
    done.wait()


def check_sharing(count=4):
    context = multiprocessing.get_context("spawn")
    ready, done, queue = context.Barrier(count), context.Barrier(count), context.Queue()
    children = [context.Process(target=hold, args=(PACK, ready, done, queue)) for _ in range(count)]
    for child in children:
        child.start()
    found = [queue.get(timeout=120) for _ in children]
    for child in children:
        child.join()
    size, whole, shares = (
        os.path.getsize(PACK),
        sum(one[0] for one in found),
        sum(one[1] for one in found),
    )
    say(
        "memory of a mapped pack",
        f"{count} processes see {whole / 1e6:.1f} MB and hold {shares / 1e6:.1f} MB, "
        f"the file has {size / 1e6:.1f} MB",
    )
    assert whole > 2 * size and shares < 1.1 * size


def check_threads():
    model = Model(PACK, threads=1)
    expected = model.embed_images(PICTURES)
    wrong = []

    def work(rounds):
        for _ in range(rounds):
            if not np.array_equal(model.embed_images(PICTURES), expected):
                wrong.append(1)

    def seconds(count, rounds=20):
        threads = [threading.Thread(target=work, args=(rounds,)) for _ in range(count)]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - start

    seconds(1, 5)
    one = min(seconds(1) for _ in range(3))
    two = min(seconds(2) for _ in range(3))
    assert not wrong
    say("threads", f"two do {2 * one / two:.2f} times the work of one")
    seconds(8, 4)
    assert not wrong


def memory():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def check_growth(calls=20_000):
    model = Model(PACK)
    picture = np.asarray(Image.open(PICTURES[0]).convert("RGB").resize((64, 64)))

    def round_of(count):
        for number in range(count):
            model.embed_texts(["a cat"])
            model.embed_images([picture])
            if number % 100 == 0:
                model.try_embed_images(["none"])
                Model(PACK, threads=2).embed_texts(["a"])

    round_of(1000)
    before = memory()
    round_of(calls)
    grown = (memory() - before) / 1e6
    say("memory", f"{grown:+.2f} MB over {2 * calls} calls")
    assert grown < 4


def seconds(*command):
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def check_times(rounds=15):
    """The least of several runs, because other programs only add to it."""
    least = [1e9] * 4
    code = (
        "import time; from clip_pack import Model; s = time.perf_counter();"
        f"Model({PACK!r}).embed_texts(['a cat']); print(time.perf_counter() - s)"
    )
    for _ in range(rounds):
        first = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout
        times = [
            seconds(sys.executable, "-c", "import numpy"),
            seconds(sys.executable, "-c", "import numpy; from clip_pack import Model"),
            float(first),
            seconds(os.environ["PROGRAM"], "embed", PACK, "--text", "a cat"),
        ]
        least = [min(pair) for pair in zip(least, times)]
    numpy, ours, first, run = (1000 * one for one in least)
    say("import", f"{ours - numpy:.0f} ms beyond NumPy's {numpy:.0f}")
    assert ours - numpy < 50
    say("first vector", f"{first:.1f} ms from Model(), {run:.1f} ms the command's whole run")
    assert first < 1.2 * run
    launcher = subprocess.run(
        ["clip-pack", "--version"], check=True, capture_output=True, text=True
    )
    assert launcher.stdout.strip() == clip_pack.__version__
    refused = subprocess.run(["clip-pack", "inspect", "none"], capture_output=True, text=True)
    assert refused.returncode == 2 and refused.stderr.startswith("clip-pack: cannot open 'none'")


if __name__ == "__main__":
    check_packs()
    check_answers()
    check_forms()
    check_processes()
    check_sharing()
    check_threads()
    check_growth()
    check_times()
