"""One program under comparison, with the protocol of kernel-bench serve. Loads everything, executes the work once and
prints a line of JSON. Then answers every line on standard input with a line of JSON: tiles per second, milliseconds per
batch, and peak memory.

Usage: peer.py infer|train PEER --network NETWORK --folder FOLDER --batch N --threads N
"""
import argparse
import json
import resource
import sys
import time

import numpy
from safetensors.numpy import load_file


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=["infer", "train"])
    parser.add_argument("peer")
    parser.add_argument("--network", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=0.4)
    return parser.parse_args()


def torch_network(options, traits):
    """The network and the tiles, in the layout that the traits select."""
    import torch
    import networks

    torch.set_num_threads(options.threads)
    network = networks.load(options.network, f"{options.folder}/model.safetensors")
    tiles = torch.from_numpy(load_file(f"{options.folder}/batch.safetensors")["input"])
    if "channels-last" in traits:
        network = network.to(memory_format=torch.channels_last)
        tiles = tiles.to(memory_format=torch.channels_last)
    return network, tiles


def torch_inference(options, traits):
    import torch

    network, tiles = torch_network(options, traits)
    network.eval()
    torch.set_grad_enabled(False)
    if "bf16" in traits:
        network, tiles = network.bfloat16(), tiles.bfloat16()
    if "compiled" in traits:
        import torch._inductor.config

        # Treat weights as constants, with a layout chosen by the compiler.
        torch._inductor.config.freezing = True
        network = torch.compile(network)
    return lambda: network(tiles), lambda: network(tiles).float().numpy(), options.batch


def torch_training(options, traits):
    """Forward, loss, backward, clipping to norm 1 and an AdamW step, as in NetworkWork."""
    import torch

    network, tiles = torch_network(options, traits)
    network.train()
    parameters = list(network.parameters())
    optimizer = torch.optim.AdamW(
        parameters, lr=1e-4, weight_decay=1e-4, fused=True if "fused" in traits else None)
    loss_of = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
    targets = torch.arange(options.batch) % 2
    forward = torch.compile(network) if "compiled" in traits else network

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled="bf16" in traits):
            loss = loss_of(forward(tiles), targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()

    def logits():
        network.eval()
        with torch.no_grad():
            result = network(tiles).numpy()
        network.train()
        return result

    return step, logits, options.batch


def onnxruntime_inference(options):
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        f"{options.folder}/model.onnx", settings, providers=["CPUExecutionProvider"])
    tiles = load_file(f"{options.folder}/batch.safetensors")["input"]
    run = lambda: session.run(None, {"input": tiles})
    return run, lambda: run()[0], options.batch


def openvino_inference(options, traits):
    import openvino

    core = openvino.Core()
    model = core.read_model(f"{options.folder}/model{'-int8' if 'int8' in traits else ''}.xml")
    tiles = load_file(f"{options.folder}/batch.safetensors")["input"]
    model.reshape(list(tiles.shape))
    settings = {"INFERENCE_NUM_THREADS": options.threads, "INFERENCE_PRECISION_HINT": "bf16" if "bf16" in traits else "f32"}
    if "throughput" in traits:
        settings |= {"PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": str(options.threads)}
        compiled = core.compile_model(model, "CPU", settings)
        requests = 2 * options.threads
        queue = openvino.AsyncInferQueue(compiled, requests)

        def run():
            for _ in range(requests):
                queue.start_async({0: tiles}, share_inputs=True)
            queue.wait_all()

        return run, lambda: compiled({0: tiles})[0], options.batch * requests
    settings |= {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1"}
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    run = lambda: request.infer({0: tiles}, share_inputs=True)
    return run, lambda: run()[0], options.batch


def load(options):
    """Returns a function that executes the work, a function that returns the logits, and the number of tiles."""
    library, *traits = options.peer.split("+")
    if library == "torch":
        return (torch_training if options.task == "train" else torch_inference)(options, traits)
    if options.task == "infer" and library == "onnxruntime":
        return onnxruntime_inference(options)
    if options.task == "infer" and library == "openvino":
        return openvino_inference(options, traits)
    sys.exit(f"unknown peer {options.peer} for {options.task}")


def seconds(work, count):
    start = time.perf_counter()
    for _ in range(count):
        work()
    return (time.perf_counter() - start) / count


def answer(**numbers):
    numbers["rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(numbers), flush=True)


def main():
    options = arguments()
    work, logits, tiles = load(options)
    ours = load_file(f"{options.folder}/batch.safetensors")["logits"]
    difference = float(numpy.abs(logits() - ours).max() / numpy.abs(ours).max())
    first = seconds(work, 1)
    count = max(1, round(options.seconds / seconds(work, 1)))
    answer(ready=1, first_call_s=first, difference=difference)
    for _ in sys.stdin:
        # Wakes up the threads and fills the caches.
        work()
        once = seconds(work, count)
        answer(per_s=tiles / once, ms=once * 1e3)


main()
