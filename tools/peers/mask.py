"""Masks an image with windows that slide over it, as one would with Pillow, numpy and a runtime: every pixel gets the
mean of the probabilities of the windows over it. Prints a line of JSON: seconds without imports and loading, the parts
of them, and how many windows there were.

Usage: mask.py PEER --network NETWORK --folder FOLDER --image IMAGE --stride N --batch N --threads N --output MASK.png
       [--probabilities FILE.npy]      (the folder has the network and model.safetensors)

`onnxruntime+shared` computes the convolutions of LeNet-5 once for rows of windows together, and the dense layers for
windows that are copied out of that. Zeros stand around those rows, not around each window: features next to a window's
border differ from the network's, and so do probabilities, by little.
"""
import argparse
import json
import time

import numpy
from PIL import Image
from safetensors import safe_open

TILE = 256
# Rows of windows whose convolutions are computed together.
SHARED_ROWS = 8
Image.MAX_IMAGE_PIXELS = None


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("peer", choices=["onnxruntime", "openvino", "onnxruntime+shared"])
    parser.add_argument("--network", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--image", required=True)
    parser.add_argument("--stride", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--probabilities")
    return parser.parse_args()


def session(path, options):
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    made = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    return lambda values: made.run(None, {"input": values})[0]


def compiled(options):
    import openvino

    core = openvino.Core()
    model = core.read_model(f"{options.folder}/model.xml")
    model.reshape([-1, 3, TILE, TILE])
    settings = {
        "INFERENCE_NUM_THREADS": options.threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY",
    }
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    return lambda values: request.infer({0: values}, share_inputs=True)[0]


def load(options):
    if options.peer == "openvino":
        return compiled(options), None
    if options.peer == "onnxruntime":
        return session(f"{options.folder}/model.onnx", options), None
    return session(f"{options.folder}/head.onnx", options), session(f"{options.folder}/trunk.onnx", options)


def statistics(options):
    """Means and deviations of the channels, and the class that the mask shows."""
    with safe_open(f"{options.folder}/model.safetensors", "numpy") as file:
        model = json.loads(file.metadata()["model"])
    shape = (3, 1, 1)
    mean, deviation = (numpy.array(model["statistics"][key], numpy.float32) for key in ("mean", "deviation"))
    return mean.reshape(shape), deviation.reshape(shape), model["classes"].index("NUCLEI")


def starts(length, stride):
    """First pixels of windows, the last of which touches the edge."""
    result = list(range(0, length - TILE + 1, stride))
    return result if result[-1] == length - TILE else result + [length - TILE]


def softmax(logits):
    powers = numpy.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def windowed(planes, places, predict, batch):
    """Logits of all windows, some at a time."""
    tiles = numpy.empty((batch, 3, TILE, TILE), numpy.float32)
    result = []
    for first in range(0, len(places), batch):
        some = places[first:first + batch]
        for tile, (y, x) in zip(tiles, some):
            tile[:] = planes[:, y:y + TILE, x:x + TILE]
        result.append(predict(tiles[:len(some)]))
    return numpy.concatenate(result)


def shared(planes, rows, columns, head, trunk):
    """The same from features of some rows of windows at once, every 4 pixels, 58 along a window."""
    side = 58
    windows = numpy.empty((len(columns), 120, side, side), numpy.float32)
    result = []
    for first in range(0, len(rows), SHARED_ROWS):
        some = rows[first:first + SHARED_ROWS]
        features = trunk(numpy.ascontiguousarray(planes[None, :, some[0]:some[-1] + TILE]))[0]
        for y in some:
            top = (y - some[0]) // 4
            for window, x in zip(windows, columns):
                window[:] = features[:, top:top + side, x // 4:x // 4 + side]
            result.append(head(windows))
    return numpy.concatenate(result)


def main():
    options = arguments()
    network, trunk = load(options)
    mean, deviation, nuclei = statistics(options)
    begin = time.perf_counter()
    pixels = numpy.asarray(Image.open(options.image).convert("RGB"))
    planes = (pixels.transpose(2, 0, 1).astype(numpy.float32, order="C") - mean) / deviation
    height, width = pixels.shape[:2]
    rows, columns = starts(height, options.stride), starts(width, options.stride)
    read = time.perf_counter()
    places = [(y, x) for y in rows for x in columns]
    logits = (
        shared(planes, rows, columns, network, trunk) if trunk
        else windowed(planes, places, network, options.batch))
    probabilities = softmax(logits)[:, nuclei]
    predicted = time.perf_counter()
    sums, counts = numpy.zeros((2, height, width), numpy.float32)
    for (y, x), probability in zip(places, probabilities):
        sums[y:y + TILE, x:x + TILE] += probability
        counts[y:y + TILE, x:x + TILE] += 1
    mask = (sums > 0.5 * counts).astype(numpy.uint8) * 255
    Image.fromarray(mask).save(options.output)
    end = time.perf_counter()
    if options.probabilities:
        numpy.save(options.probabilities, probabilities)
    print(json.dumps({
        "seconds": end - begin, "reading": read - begin, "predicting": predicted - read, "writing": end - predicted,
        "windows": len(places),
    }))


main()
