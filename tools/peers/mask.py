"""Masks an image with Pillow, NumPy and an inference library. Prints a line of JSON with the seconds, without imports and
loading, and their parts.

A network that classifies windows slides over the image; the probability of a pixel is the mean over the windows that contain
it. With the trait `shared`, the convolutions of LeNet-5 are computed once for several rows of windows, and the dense layers
for windows copied from these features. The rows are zero-padded instead of each window, so features at the borders of
windows, and the probabilities, differ slightly.

A `unet` gets the whole image at half its width and height, and pixels of a nucleus are white. Nuclei are not told apart.

Usage: mask.py PEER --network NETWORK --folder FOLDER --image IMAGE --stride N --batch N --threads N --output MASK.png
       [--probabilities FILE.npy]      (FOLDER contains the network and model.safetensors)
"""
import argparse
import json
import time

import numpy
from PIL import Image
from safetensors import safe_open

TILE = 256
# Rows of windows that share their convolutions.
SHARED_ROWS = 8
Image.MAX_IMAGE_PIXELS = None


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("peer", help="onnxruntime or openvino, with traits: openvino+bf16+throughput")
    parser.add_argument("--network", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--image", required=True)
    parser.add_argument("--stride", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--temperature", type=float, required=True, help="divides the logits of windows")
    parser.add_argument("--probabilities")
    return parser.parse_args()


class ONNXRuntime:
    """A network of the folder. Pixels are normalized by NumPy."""

    def __init__(self, options, _, name, statistics=None):
        import onnxruntime

        self.statistics = statistics
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = options.threads
        settings.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            f"{options.folder}/{name}.onnx", settings, providers=["CPUExecutionProvider"])

    def __call__(self, batch):
        if self.statistics:
            mean, deviation = self.statistics
            batch = numpy.ascontiguousarray(((batch - mean) / deviation).transpose(0, 3, 1, 2))
        return self.session.run(None, {"input": batch})[0]

    def of_all(self, batches):
        return [self(batch) for batch in batches]


class OpenVINO:
    """A network of the folder. Pixels are bytes; normalizing them is part of the network."""

    def __init__(self, options, traits, name, statistics=None):
        import openvino

        core = openvino.Core()
        model = core.read_model(f"{options.folder}/{name}{'-int8' if 'int8' in traits else ''}.xml")
        if statistics:
            steps = openvino.preprocess.PrePostProcessor(model)
            steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
            steps.input().model().set_layout(openvino.Layout("NCHW"))
            mean, deviation = (values.tolist() for values in statistics)
            steps.input().preprocess().convert_element_type(openvino.Type.f32).mean(mean).scale(deviation)
            model = steps.build()
        settings = {
            "INFERENCE_NUM_THREADS": options.threads, "INFERENCE_PRECISION_HINT": "bf16" if "bf16" in traits else "f32",
        }
        if "throughput" in traits:
            settings |= {"PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": str(options.threads)}
        else:
            settings |= {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1"}
        compiled = core.compile_model(model, "CPU", settings)
        self.request = compiled.create_infer_request()
        self.queue = openvino.AsyncInferQueue(compiled, 2 * options.threads) if "throughput" in traits else None

    def __call__(self, batch):
        return self.request.infer({0: batch}, share_inputs=True)[0]

    def of_all(self, batches):
        if not self.queue:
            return [self(batch).copy() for batch in batches]
        results = {}
        self.queue.set_callback(lambda request, index: results.__setitem__(index, request.get_output_tensor().data.copy()))
        for index, batch in enumerate(batches):
            self.queue.start_async({0: batch}, index)
        self.queue.wait_all()
        return [results[index] for index in range(len(results))]


def load(options):
    """The networks, by name, and the index of the class NUCLEI."""
    with safe_open(f"{options.folder}/model.safetensors", "numpy") as file:
        model = json.loads(file.metadata()["model"])
    statistics = [numpy.array(model["statistics"][key], numpy.float32) for key in ("mean", "deviation")]
    library, *traits = options.peer.split("+")
    make = {"onnxruntime": ONNXRuntime, "openvino": OpenVINO}[library]
    if "shared" in traits:
        networks = {"trunk": make(options, traits, "trunk", statistics), "head": make(options, traits, "head")}
    else:
        networks = {"model": make(options, traits, "model", statistics)}
    return networks, model["classes"].index("NUCLEI")


def starts(length, stride):
    """First pixels of windows. The last window ends at the edge."""
    result = list(range(0, length - TILE + 1, stride))
    return result if result[-1] == length - TILE else result + [length - TILE]


def softmax(logits):
    powers = numpy.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def windowed(pixels, rows, columns, network, batch):
    """Logits of all windows, in batches."""
    places = [(y, x) for y in rows for x in columns]
    batches = (
        numpy.stack([pixels[y:y + TILE, x:x + TILE] for y, x in places[first:first + batch]])
        for first in range(0, len(places), batch))
    return numpy.concatenate(network.of_all(batches))


def shared(pixels, rows, columns, trunk, head):
    """Logits of all windows from shared features, which are 4 pixels apart, 58 x 58 for a window."""
    side = 58

    def windows():
        for first in range(0, len(rows), SHARED_ROWS):
            some = rows[first:first + SHARED_ROWS]
            features = trunk(pixels[None, some[0]:some[-1] + TILE])[0]
            for y in some:
                top = (y - some[0]) // 4
                yield numpy.stack([features[:, top:top + side, x // 4:x // 4 + side] for x in columns])

    return numpy.concatenate(head.of_all(windows()))


def painted(probabilities, rows, columns, height, width):
    """The mask. Between the edges of windows, the pixels of a cell lie in the same windows."""
    down = sorted({*rows, *(y + TILE for y in rows)})
    across = sorted({*columns, *(x + TILE for x in columns)})
    sums, counts = numpy.zeros((2, len(down) - 1, len(across) - 1), numpy.float32)
    for index, probability in enumerate(probabilities):
        y, x = rows[index // len(columns)], columns[index % len(columns)]
        cells = (slice(down.index(y), down.index(y + TILE)), slice(across.index(x), across.index(x + TILE)))
        sums[cells] += probability
        counts[cells] += 1
    cells = (sums > 0.5 * counts).astype(numpy.uint8) * 255
    mask = cells.repeat(numpy.diff(down), 0).repeat(numpy.diff(across), 1)
    assert mask.shape == (height, width)
    return mask


def outlined(logits):
    """The mask of a `unet` at full size, from logits of background, interior and boundary."""
    background, interior, boundary = logits[0]
    mask = (numpy.maximum(interior, boundary) > background).astype(numpy.uint8) * 255
    return mask.repeat(2, 0).repeat(2, 1)


def main():
    options = arguments()
    networks, nuclei = load(options)
    begin = time.perf_counter()
    image = Image.open(options.image)
    width, height = image.size
    outlines = options.network.startswith("unet")
    if outlines:
        # Of a JPEG image, fewer coefficients are transformed.
        image.draft("RGB", (width // 2, height // 2))
        image = image if image.size != (width, height) else image.reduce(2)
    pixels = numpy.asarray(image.convert("RGB"))
    rows, columns = starts(height, options.stride), starts(width, options.stride)
    read = time.perf_counter()
    if outlines:
        results = networks["model"](pixels[None])
    elif "trunk" in networks:
        results = shared(pixels, rows, columns, networks["trunk"], networks["head"])
    else:
        results = windowed(pixels, rows, columns, networks["model"], options.batch)
    if not outlines:
        results = softmax(results / options.temperature)[:, nuclei]
    predicted = time.perf_counter()
    mask = outlined(results) if outlines else painted(results, rows, columns, height, width)
    Image.fromarray(mask).save(options.output, compress_level=1)
    end = time.perf_counter()
    if options.probabilities and not outlines:
        numpy.save(options.probabilities, results)
    print(json.dumps({
        "seconds": end - begin, "reading": read - begin, "predicting": predicted - read, "writing": end - predicted,
    }))


main()
