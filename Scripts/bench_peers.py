"""Times clip-pack against other runtimes on the same weights, taking turns, and prints the ratios.

Run by Scripts/bench_peers, which makes the virtual environment. The machine may change its speed
while this runs, so every round measures everybody once, and only medians over rounds are compared.
"""

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

import numpy as np

CASES = {"image x1": 1, "image x8": 8, "text 77 x1": 1, "text 77 x8": 8, "text 9 x1": 1}


def export(checkpoint, folder, ids=None):
    """Writes image.onnx and text.onnx: pixels or ids in, normalised embeddings out. `ids`: two texts that the model knows."""
    import torch
    from transformers import CLIPModel

    model = CLIPModel.from_pretrained(checkpoint, attn_implementation="eager").eval()

    class Image(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.tower, self.projection = model.vision_model, model.visual_projection

        def forward(self, pixel_values):
            pooled = self.tower(pixel_values=pixel_values).pooler_output
            return torch.nn.functional.normalize(self.projection(pooled), dim=-1)

    class Text(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.tower, self.projection = model.text_model, model.text_projection

        def forward(self, input_ids):
            pooled = self.tower(input_ids=input_ids).pooler_output
            return torch.nn.functional.normalize(self.projection(pooled), dim=-1)

    size = model.config.vision_config.image_size
    ids = torch.from_numpy(texts(2, 77)) if ids is None else ids
    for name, module, example, axes in [
        ("image", Image(), torch.zeros(2, 3, size, size), {0: "batch"}),
        ("text", Text(), ids, {0: "batch", 1: "length"}),
    ]:
        torch.onnx.export(
            module, (example,), f"{folder}/{name}.onnx", input_names=["input"],
            output_names=["embeds"], dynamic_axes={"input": axes, "embeds": {0: "batch"}},
            opset_version=17, dynamo=False)


def export_anew(checkpoint, folder):
    """Exports unless what lies there was made of these very weights."""
    weights = os.path.join(checkpoint, "model.safetensors")
    with open(weights, "rb") as file:
        now = hashlib.file_digest(file, "sha256").hexdigest()
    note = f"{folder}/sha256"
    if os.path.exists(note) and open(note).read() == now:
        return
    if os.path.exists(folder):
        shutil.rmtree(folder)
    os.makedirs(folder)
    export(checkpoint, folder)
    with open(note, "w") as file:
        file.write(now)


def texts(count, length):
    ids = np.random.default_rng(1).integers(320, 49405, (count, length))
    ids[:, 0], ids[:, -1] = 49406, 49407
    return ids.astype(np.int64)


def pictures(count, seed=2):
    """Smooth random pictures, normalised as the preprocessing does, more or less."""
    random = np.random.default_rng(seed)
    coarse = random.standard_normal((count, 3, 14, 14)).astype(np.float32)
    return np.ascontiguousarray(coarse.repeat(16, 2).repeat(16, 3)) \
        + 0.2 * random.standard_normal((count, 3, 224, 224)).astype(np.float32)


def inputs():
    return {
        "image x1": ("image", pictures(1)), "image x8": ("image", pictures(8)),
        "text 77 x1": ("text", texts(1, 77)), "text 77 x8": ("text", texts(8, 77)),
        "text 9 x1": ("text", texts(1, 9)),
    }


class ONNXRuntime:
    def __init__(self, kind, folder, threads, towers=("image", "text"), cached=False):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.sessions = {}
        for tower in towers:
            path = f"{folder}/{tower}.onnx"
            if kind == "int8":
                small = f"{folder}/{tower}-int8.onnx"
                if not os.path.exists(small):
                    from onnxruntime.quantization import QuantType, quantize_dynamic
                    quantize_dynamic(path, small, weight_type=QuantType.QInt8, per_channel=True)
                path = small
            self.sessions[tower] = onnxruntime.InferenceSession(
                path, options, providers=["CPUExecutionProvider"])

    def run(self, tower, x):
        return self.sessions[tower].run(None, {"input": x})[0]


class OpenVINO:
    def __init__(self, kind, folder, threads, towers=("image", "text"), cached=False):
        import openvino
        core = openvino.Core()
        if cached:
            core.set_property({"CACHE_DIR": f"{folder}/cache"})
        self.models = {}
        for tower in towers:
            if kind == "int8":
                path = f"{folder}/{tower}-int8.xml"
                if not os.path.exists(path):
                    import nncf
                    model = core.read_model(f"{folder}/{tower}.onnx")
                    samples = [pictures(1, seed) for seed in range(10, 40)] if tower == "image" \
                        else [texts(1, length) for length in range(5, 77, 3)]
                    openvino.save_model(
                        nncf.quantize(model, nncf.Dataset(samples), model_type=nncf.ModelType.TRANSFORMER,
                                      subset_size=len(samples)), path)
            else:
                path = f"{folder}/{tower}.onnx"
            precision = "bf16" if kind == "bf16" else "f32"
            self.models[tower] = core.compile_model(path, "CPU", {
                "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": precision, "NUM_STREAMS": 1}).create_infer_request()

    def run(self, tower, x):
        return self.models[tower].infer({0: x})[0].copy()


PEERS = {
    ("onnxruntime", "f32"): ONNXRuntime, ("onnxruntime", "int8"): ONNXRuntime,
    ("openvino", "f32"): OpenVINO, ("openvino", "bf16"): OpenVINO, ("openvino", "int8"): OpenVINO,
}


def median_time(body, seconds, clock):
    now = time.process_time if clock == "processor" else time.perf_counter
    body()
    times = []
    end = time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        start = now()
        body()
        times.append(now() - start)
    return 1e3 * statistics.median(times)


def first_image(name, folder, threads):
    """What a process does that embeds one image and ends; run in a process of its own."""
    pixels = np.load(f"{folder}/picture.npy")
    model = PEERS[name](name[1], folder, threads, towers=["image"], cached=True)
    model.run("image", pixels)


def process(command):
    """Runs a command; how long it took, in seconds, and its peak memory, in MB."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"bench_peers: {' '.join(command)} ended with status {child.returncode}")
    return time.perf_counter() - start, usage.ru_maxrss / 1000


def starts(arguments, names):
    """From the start of a process to its end with the first image's embedding, in turns."""
    from PIL import Image
    picture = pictures(1)
    np.save(f"{arguments.folder}/picture.npy", picture)
    levels = np.clip(picture[0].transpose(1, 2, 0) * 60 + 120, 0, 255).astype(np.uint8)
    Image.fromarray(levels).save(f"{arguments.folder}/picture.png")
    commands = {
        " ".join(name): [sys.executable, __file__, "--first", *name, "--folder", arguments.folder]
        for name in names if name[1] == "int8"}
    for storage, pack in [("mapped", arguments.pack), ("compact", arguments.compact)]:
        commands[f"clip-pack int8, {storage}"] = [
            arguments.program, "embed", pack, "--image", f"{arguments.folder}/picture.png",
            "--compute", "int8", "--json"]
    found = {name: [] for name in commands}
    for command in commands.values():
        process(command)
    for _ in range(arguments.rounds):
        for name, command in commands.items():
            found[name].append(process(command))
    best = min(statistics.median(t for t, _ in runs)
               for name, runs in found.items() if "clip-pack" not in name)
    print("\nprocess start to first image, caches warm\n")
    print("| | ms | to the fastest peer | peak MB |")
    print("| --- | --- | --- | --- |")
    for name, runs in found.items():
        taken = statistics.median(t for t, _ in runs)
        print(f"| {name} | {1e3 * taken:.0f} | {taken / best:.2f} | "
              f"{statistics.median(m for _, m in runs):.0f} |")


def ours(program, pack, compute, threads, rounds, clock):
    output = subprocess.run(
        [program, "bench", pack, "--json", "--compute", compute, "--threads", str(threads),
         "--rounds", str(rounds)], check=True, capture_output=True, text=True).stdout
    names = {"image ×1": "image x1", "image ×8": "image x8", "text of 77 tokens ×1": "text 77 x1",
             "text of 77 tokens ×8": "text 77 x8", "text of 9 tokens ×1": "text 9 x1"}
    results = {}
    for row in json.loads(output)["results"]:
        if row["what"] in names:
            results[names[row["what"]]] = row["cpu_ms" if clock == "processor" else "median_ms"]
    return results


def our_cosines(program, pack, compute, folder, reference):
    """The lowest cosines to the reference's answers, of the very inputs that the peers get."""
    from safetensors.numpy import save_file
    images, ids = inputs()["image x8"][1], inputs()["text 77 x8"][1]
    answers = {"image_embeds": reference.run("image", images), "text_embeds": reference.run("text", ids)}
    save_file({"pixel_values": images, "input_ids": ids, **answers}, f"{folder}/answers.safetensors")
    output = subprocess.run(
        [program, "verify", pack, "--reference", f"{folder}/answers.safetensors", "--json",
         "--compute", compute, "--min-cosine", "0.9"], check=True, capture_output=True, text=True).stdout
    found = json.loads(output)
    return f"{found['image_cosine_min']:.5f}, {found['text_cosine_min']:.5f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", help="a ViT-B/32 in transformers' layout")
    parser.add_argument("--pack", help="its pack, mapped, int8")
    parser.add_argument("--compact", help="the same, compact")
    parser.add_argument("--clock", choices=["wall", "processor"], default="wall")
    parser.add_argument("--starts", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--first", nargs=2, metavar=("PEER", "KIND"), help=argparse.SUPPRESS)
    parser.add_argument("--program", default=".build/release/clip-pack")
    parser.add_argument("--folder", required=True, help="where exports are kept")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3, help="for each case and round")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--kinds", nargs="+", default=["int8", "bf16", "f32"])
    arguments = parser.parse_args()
    if arguments.first:
        return first_image(tuple(arguments.first), arguments.folder, 2)
    if arguments.starts:
        return starts(arguments, PEERS)

    export_anew(arguments.checkpoint, arguments.folder)
    peers = {name: make for name, make in PEERS.items() if name[1] in arguments.kinds}
    for threads in arguments.threads:
        ready = {name: make(name[1], arguments.folder, threads) for name, make in peers.items()}
        reference = ONNXRuntime("f32", arguments.folder, threads)
        times = {}
        for _ in range(arguments.rounds):
            for name, peer in ready.items():
                for case, (tower, x) in inputs().items():
                    taken = median_time(lambda: peer.run(tower, x), arguments.seconds,
                                        arguments.clock)
                    times.setdefault((name, case), []).append(taken)
            for kind in arguments.kinds:
                for case, taken in ours(
                        arguments.program, arguments.pack, kind, threads, 15,
                        arguments.clock).items():
                    times.setdefault((("clip-pack", kind), case), []).append(taken)
        print(f"\n{threads} thread{'s' if threads > 1 else ''}, ms by the {arguments.clock} clock, median of "
              f"{arguments.rounds} rounds\n")
        print("| | " + " | ".join(CASES) + " | cosine image, text |")
        print("| --- |" + " --- |" * (len(CASES) + 1))
        medians = {key: statistics.median(values) for key, values in times.items()}
        for name in [*ready, *[("clip-pack", kind) for kind in arguments.kinds]]:
            cosines = ""
            if name in ready:
                cosines = ", ".join(
                    f"{(ready[name].run(t, x) * reference.run(t, x)).sum(-1).min():.5f}"
                    for t, x in [inputs()["image x8"], inputs()["text 77 x8"]])
            else:
                cosines = our_cosines(
                    arguments.program, arguments.pack, name[1], arguments.folder, reference)
            print(f"| {name[0]} {name[1]} | "
                  + " | ".join(f"{medians[name, case]:.1f}" for case in CASES) + f" | {cosines} |")
        for kind in arguments.kinds:
            ratios = [medians[("clip-pack", kind), case]
                      / min(medians[name, case] for name in ready if name[1] == kind)
                      for case in CASES]
            print(f"| ratio to the fastest peer, {kind} | "
                  + " | ".join(f"{ratio:.2f}" for ratio in ratios) + " | |")
        del ready, reference
    if "int8" in arguments.kinds:
        # From a small process: what a child of a large one has as its peak is the large one's.
        sys.stdout.flush()
        subprocess.run([sys.executable, __file__, "--starts", *sys.argv[1:]], check=True)


if __name__ == "__main__":
    main()
