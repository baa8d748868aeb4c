"""Masks an image with sliding windows, with Pillow, numpy and an inference library. The probability of a pixel is the
mean over the windows that contain it. Prints a line of JSON with the seconds, without imports and loading, their parts,
and the number of windows.

Usage: mask.py PEER --network NETWORK --folder FOLDER --image IMAGE --stride N --batch N --threads N --output MASK.png
       [--probabilities FILE.npy]      (FOLDER contains the network and model.safetensors)

`onnxruntime+shared` computes the convolutions of LeNet-5 once for several rows of windows, and the dense layers for
windows copied from these features. The rows are zero-padded instead of each window, so features at the borders of
windows, and the probabilities, differ slightly.
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
    model = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    return lambda values: model.run(None, {"input": values})[0]


def compiled(options):
    import openvino

    core = openvino.Core()
    model = core.read_model(f"{options.folder}/model.xml")
    model.reshape([-1, 3, TILE, TILE])
    settings = {
        "INFERENCE_NUM_THREADS": options.threads, "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "bf16" if options.peer.endswith("+bf16") else "f32",
    }
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    return lambda values: request.infer({0: values}, share_inputs=True)[0]


def load(options):
    if options.peer.split("+")[0] == "openvino":
        return compiled(options), None
    if options.peer == "onnxruntime":
        return session(f"{options.folder}/model.onnx", options), None
    return session(f"{options.folder}/head.onnx", options), session(f"{options.folder}/trunk.onnx", options)


def statistics(options):
    """Mean and deviation of the channels, and the index of the class NUCLEI."""
    with safe_open(f"{options.folder}/model.safetensors", "numpy") as file:
        model = json.loads(file.metadata()["model"])
    shape = (3, 1, 1)
    mean, deviation = (numpy.array(model["statistics"][key], numpy.float32) for key in ("mean", "deviation"))
    return mean.reshape(shape), deviation.reshape(shape), model["classes"].index("NUCLEI")


def starts(length, stride):
    """First pixels of windows. The last window ends at the edge."""
    result = list(range(0, length - TILE + 1, stride))
    return result if result[-1] == length - TILE else result + [length - TILE]


def softmax(logits):
    powers = numpy.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def windowed(planes, places, predict, batch):
    """Logits of all windows, in batches."""
    tiles = numpy.empty((batch, 3, TILE, TILE), numpy.float32)
    result = []
    for first in range(0, len(places), batch):
        some = places[first:first + batch]
        for tile, (y, x) in zip(tiles, some):
            tile[:] = planes[:, y:y + TILE, x:x + TILE]
        result.append(predict(tiles[:len(some)]))
    return numpy.concatenate(result)


def shared(planes, rows, columns, head, trunk):
    """Logits of all windows from shared features, which are 4 pixels apart, 58 x 58 for a window."""
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
