"""Reads a tile, loads a network, prints the logits and exits.

Usage: first.py PEER NETWORK FOLDER THREADS      (FOLDER contains tile.png and the network)
"""
import os
import sys

import numpy
from PIL import Image

peer, name, folder, threads = sys.argv[1:]
pixels = numpy.asarray(Image.open(f"{folder}/tile.png").convert("RGB"), dtype=numpy.float32)
tile = numpy.ascontiguousarray(((pixels - 127.5) / 127.5).transpose(2, 0, 1)[None])
if peer == "torch":
    import torch
    import networks

    torch.set_num_threads(int(threads))
    network = networks.load(name, f"{folder}/model.safetensors").eval()
    with torch.inference_mode():
        logits = network(torch.from_numpy(tile)).numpy()
elif peer == "onnxruntime":
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = int(threads)
    session = onnxruntime.InferenceSession(f"{folder}/model.onnx", settings, providers=["CPUExecutionProvider"])
    logits = session.run(None, {"input": tile})[0]
else:
    import openvino

    core = openvino.Core()
    model = core.read_model(f"{folder}/model.xml")
    model.reshape([1, 3, 256, 256])
    logits = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": int(threads)})(tile)[0]
print(*logits.ravel(), flush=True)
# Skips the clean-up of the libraries.
os._exit(0)
