"""The peers' side of `deno task bench --minnorm --peers`: adversarial-library's attacks, in PyTorch.

usage: python min_norms_side.py WEIGHTS.safetensors FOLDER_OF_IDX_FILES IMAGES THREADS

The images are the first of the test split (MNIST's training images from 50,000 on). Reads lines from
standard input: `list` is answered by the attacks' names by norm, `NORM NAME` by the seconds that
the attack took and each image's norm: 0 if it is misclassified already, null if none was found.
"""
import json
import math
import sys
import time
import types
import warnings
from functools import partial

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

# adversarial-library imports a server for charts and a zoo of models, which none of these attacks use.
sys.modules["visdom"] = types.SimpleNamespace(Visdom=None)
sys.modules["torchvision"] = types.SimpleNamespace(models=None)
warnings.filterwarnings("ignore")
answers, sys.stdout = sys.stdout, sys.stderr

import adv_lib.attacks as attacks  # noqa: E402
from adv_lib.attacks.auto_pgd import minimal_apgd  # noqa: E402

FIRST, SIDE, INFINITY = 50_000, 28, float("inf")


def convolution(kernel: Tensor) -> tuple[nn.Module, ...]:
    """A block of the CNN from a kernel [height, width, in, out]."""
    height, width, inputs, outputs = kernel.shape
    layer = nn.Conv2d(inputs, outputs, (height, width))
    layer.weight.data = kernel.permute(3, 2, 0, 1).contiguous()
    return layer, nn.ReLU(), nn.MaxPool2d(2)


def dense(kernel: Tensor, channels: int) -> nn.Linear:
    """A dense layer from a kernel [in, out], whose rows run by place and then by channel: PyTorch's
    run by channel first."""
    inputs, outputs = kernel.shape
    layer = nn.Linear(inputs, outputs)
    by_channel = kernel.reshape(-1, channels, outputs).transpose(0, 1).reshape(inputs, outputs)
    layer.weight.data = by_channel.t().contiguous()
    return layer


def network(path: str) -> nn.Sequential:
    state = load_file(path)
    count = sum(name.endswith(".kernel") for name in state)
    if len(state) != 2 * count:
        sys.exit("Cannot run the peers as the network must have plain dense and conv layers only")
    layers: list[nn.Module] = []
    channels = 1
    for i in range(count):
        kernel, bias = state[f"layers.{i}.kernel"], state[f"layers.{i}.bias"]
        if kernel.ndim == 4:
            block, channels = convolution(kernel), kernel.shape[3]
        else:
            flatten = [] if any(isinstance(one, nn.Flatten) for one in layers) else [nn.Flatten()]
            layer = dense(kernel, channels if flatten else 1)
            block = (*flatten, layer, *([nn.ReLU()] if i < count - 1 else []))
        next(one for one in block if hasattr(one, "bias")).bias.data = bias
        layers += block
    return nn.Sequential(*layers).eval()


def read_idx(path: str, header: int) -> np.ndarray:
    return np.fromfile(path, np.uint8)[header:]


weights, folder, count, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(threads)
torch.manual_seed(0)
MODEL = network(weights)
CONVOLUTIONAL = any(isinstance(layer, nn.Conv2d) for layer in MODEL)
PIXELS = read_idx(f"{folder}/train-images-idx3-ubyte", 16).reshape(-1, 1, SIDE, SIDE)
IMAGES = torch.from_numpy(PIXELS[FIRST : FIRST + count].astype(np.float32) / 255)
CLASSES = read_idx(f"{folder}/train-labels-idx1-ubyte", 8)
LABELS = torch.from_numpy(CLASSES[FIRST : FIRST + count].astype(np.int64))

ATTACKS = {
    "inf": {
        "DeepFool": partial(attacks.df, norm=INFINITY),
        "FMN 100": partial(attacks.fmn, norm=INFINITY, steps=100),
        "FAB": partial(attacks.fab, norm=INFINITY),
        "minimal APGD": partial(minimal_apgd, norm=INFINITY, max_eps=0.5),
    },
    "2": {
        "DeepFool": partial(attacks.df, norm=2),
        "SuperDeepFool": attacks.sdf,
        "DDN 100": partial(attacks.ddn, steps=100, levels=None),
        "DDN 1000": partial(attacks.ddn, steps=1000, levels=None),
        "PDGD": attacks.pdgd,
        "FAB": partial(attacks.fab, norm=2),
        "ALMA": partial(attacks.alma, num_steps=1000),
        "FMN 100": partial(attacks.fmn, norm=2, steps=100),
    },
    "1": {
        "FAB": partial(attacks.fab, norm=1),
        "ALMA": partial(attacks.alma, num_steps=1000, distance="l1", init_lr_distance=0.5),
        "PDPGD": partial(attacks.pdpgd, norm=1),
        "FMN 100": partial(attacks.fmn, norm=1, steps=100),
    },
    "0": {
        "sigma-zero": attacks.sigma_zero,
        "VFGA": partial(attacks.vfga, targeted=False),
        "FMN 100": partial(attacks.fmn, norm=0, steps=100),
    },
}
# They take minutes each on a convolutional network, so there they are left out.
DENSE_ONLY = {
    "inf": {"FMN 1000": partial(attacks.fmn, norm=INFINITY, steps=1000)},
    "2": {"minimal APGD": partial(minimal_apgd, norm=2, max_eps=10)},
    "1": {"minimal APGD": partial(minimal_apgd, norm=1, max_eps=60)},
    "0": {"FMN 1000": partial(attacks.fmn, norm=0, steps=1000)},
}
if not CONVOLUTIONAL:
    ATTACKS = {p: {**some, **DENSE_ONLY[p]} for p, some in ATTACKS.items()}


def norms(adversarial: Tensor, p: str) -> list[float | None]:
    """Each image's norm. Its class is judged in the batch, and any other class will do."""
    change = (adversarial - IMAGES).flatten(1)
    size = {
        "inf": lambda: change.abs().amax(1),
        "2": lambda: change.norm(dim=1),
        "1": lambda: change.abs().sum(1),
        "0": lambda: (change.abs() > 1e-6).sum(1).float(),
    }[p]()
    with torch.no_grad():
        size[MODEL(adversarial).argmax(1) == LABELS] = INFINITY
        size[MODEL(IMAGES).argmax(1) != LABELS] = 0
    return [one if math.isfinite(one) else None for one in size.tolist()]


def run(p: str, name: str) -> dict[str, object]:
    start = time.perf_counter()
    adversarial = ATTACKS[p][name](MODEL, IMAGES, LABELS).detach().clamp(0, 1)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "norms": norms(adversarial, p)}


def warm_up() -> None:
    """What PyTorch makes ready once, here as on the other side, is no part of an attack's time."""
    for _ in range(3):
        x = IMAGES.clone().requires_grad_(True)
        torch.autograd.grad(nn.functional.cross_entropy(MODEL(x), LABELS), x)


warm_up()
print("ready", torch.__version__, file=answers, flush=True)
for line in sys.stdin:
    if line.strip() == "list":
        answer: object = {p: list(some) for p, some in ATTACKS.items()}
    else:
        answer = run(*line.strip().split(" ", 1))
    print(json.dumps(answer), file=answers, flush=True)
