"""Converts a model for the other programs: model.onnx for ONNX Runtime, and model.xml and model-int8.xml for
OpenVINO, quantized by NNCF. For LeNet-5 also writes trunk and head, the convolutions for images of any size and the dense
layers, in both formats.

Usage: export.py NETWORK FOLDER      (FOLDER contains model.safetensors and batch.safetensors of kernel-bench)
"""
import pathlib
import sys
import warnings

import nncf
import openvino
import torch
from safetensors.torch import load_file

import networks


def main():
    name, folder = sys.argv[1:]
    warnings.filterwarnings("ignore")
    network = networks.load(name, f"{folder}/model.safetensors").eval()
    tiles = load_file(f"{folder}/batch.safetensors")["input"]
    plain = f"{folder}/model.onnx"
    torch.onnx.export(
        network, (tiles[:1],), plain, input_names=["input"], output_names=["logits"],
        dynamic_axes={"input": {0: "n", 2: "h", 3: "w"} if name.startswith("unet") else {0: "n"}, "logits": {0: "n"}},
        dynamo=False, opset_version=17)
    if name == "lenet5":
        torch.onnx.export(
            networks.Trunk(network), (tiles[:1],), f"{folder}/trunk.onnx", input_names=["input"],
            output_names=["features"], dynamic_axes={"input": {0: "n", 2: "h", 3: "w"}}, dynamo=False,
            opset_version=17)
        torch.onnx.export(
            networks.Head(network), (torch.zeros(1, 120, 58, 58),), f"{folder}/head.onnx", input_names=["input"],
            output_names=["logits"], dynamic_axes={"input": {0: "n"}}, dynamo=False, opset_version=17)
    for path in pathlib.Path(folder).glob("*.onnx"):
        openvino.save_model(openvino.Core().read_model(path), path.with_suffix(".xml"), compress_to_fp16=False)
    calibration = nncf.Dataset(list(tiles[:16].numpy()), lambda tile: tile[None])
    quantized = nncf.quantize(openvino.Core().read_model(plain), calibration, subset_size=16)
    openvino.save_model(quantized, f"{folder}/model-int8.xml", compress_to_fp16=False)


main()
