"""PyTorch's side of `deno task bench --peers`: eager, two threads, as its users run it.

Reads lines `WORK NETWORK REPEATS` from standard input, such as `step MLP 20`, and answers each with
the milliseconds that one repeat took. `best-gradient CNN` and the like take PyTorch's best setting.
"""
import sys
import time

import numpy as np
import torch
from torch import nn

torch.set_num_threads(int(sys.argv[2]) if len(sys.argv) > 2 else 2)


def read_idx(path: str, header: int) -> np.ndarray:
    return np.fromfile(path, np.uint8)[header:]


folder = sys.argv[1]
IMAGES = torch.from_numpy(
    read_idx(f"{folder}/train-images-idx3-ubyte", 16).reshape(-1, 1, 28, 28)[:50000]
).float() / 255
LABELS = torch.from_numpy(read_idx(f"{folder}/train-labels-idx1-ubyte", 8)[:50000]).long()


def network(name: str) -> nn.Module:
    rate = 0.4 if name.endswith("_d") else 0.0
    if name.startswith("MLP"):
        return nn.Sequential(
            nn.Flatten(),
            *(nn.Linear(784, 128), nn.ReLU(), nn.Dropout(rate)),
            *(nn.Linear(128, 128), nn.ReLU(), nn.Dropout(rate)),
            nn.Linear(128, 10),
        )
    return nn.Sequential(
        *(nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(20, 40, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Dropout(rate), nn.Flatten(), nn.Linear(1000, 120), nn.ReLU()),
        *(nn.Dropout(rate), nn.Linear(120, 10)),
    )


def step(name: str):
    net, loss, size = network(name), nn.CrossEntropyLoss(), 32
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-4)
    state = {"from": 0}

    def run() -> None:
        batch = torch.arange(state["from"], state["from"] + size)
        state["from"] = (state["from"] + size) % (50000 - size)
        optimizer.zero_grad()
        loss(net(IMAGES[batch]), LABELS[batch]).backward()
        optimizer.step()

    return run


def large_step(name: str, adversarial: bool = False):
    """A step with a batch of 128 and, before it, ten steps of PGD in Linf at 0.1."""
    net, loss, size, epsilon, steps = network(name), nn.CrossEntropyLoss(), 128, 0.1, 10
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    state = {"from": 0}

    def attacked(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        net.eval()
        x = (images + torch.empty_like(images).uniform_(-epsilon, epsilon)).clamp(0, 1)
        for _ in range(steps):
            x.requires_grad_(True)
            slope = torch.autograd.grad(loss(net(x), labels), x)[0]
            with torch.no_grad():
                x = x + 2.5 * epsilon / steps * slope.sign()
                x = torch.min(torch.max(x, images - epsilon), images + epsilon).clamp(0, 1)
        net.train()
        return x.detach()

    def run() -> None:
        batch = torch.arange(state["from"], state["from"] + size)
        state["from"] = (state["from"] + size) % (50000 - size)
        images, labels = IMAGES[batch], LABELS[batch]
        if adversarial:
            images = attacked(images, labels)
        optimizer.zero_grad()
        loss(net(images), labels).backward()
        optimizer.step()

    return run


def gradient(name: str, best: bool = False):
    net, loss = network(name).eval(), nn.CrossEntropyLoss()
    # Measured best: channels last and chunks of 500 for convolutions, all at once otherwise.
    size = 500 if best and name.startswith("CNN") else 1000
    layout = torch.channels_last if size == 500 else torch.contiguous_format
    net = net.to(memory_format=layout)

    def run() -> None:
        for start in range(0, 1000, size):
            x = IMAGES[start : start + size].to(memory_format=layout).requires_grad_(True)
            torch.autograd.grad(loss(net(x), LABELS[start : start + size]), x)

    return run


def inference(name: str, best: bool = False):
    net = network(name).eval()
    size = 500 if best and name.startswith("CNN") else 10000
    layout = torch.channels_last if size == 500 else torch.contiguous_format
    net = net.to(memory_format=layout)

    def run() -> None:
        with torch.no_grad():
            for start in range(0, 10000, size):
                net(IMAGES[start : start + size].to(memory_format=layout))

    return run


def epoch(name: str):
    """An epoch of training, then the accuracy on 50,000 + 10,000 images, as the project's has it."""
    net, loss, size = network(name), nn.CrossEntropyLoss(), 32
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-4)
    test_images, test_labels = IMAGES[:10000], LABELS[:10000]

    def accuracy(images: torch.Tensor, labels: torch.Tensor) -> float:
        net.eval()
        with torch.no_grad():
            parts = zip(images.split(1000), labels.split(1000))
            right = sum((net(x).argmax(1) == y).sum().item() for x, y in parts)
        net.train()
        return right / len(labels)

    def run() -> None:
        for batch in torch.randperm(50000).split(size):
            optimizer.zero_grad()
            loss(net(IMAGES[batch]), LABELS[batch]).backward()
            optimizer.step()
        accuracy(IMAGES, LABELS), accuracy(test_images, test_labels)

    return run


def peak(_: str):
    a, b = torch.randn(2048, 2048), torch.randn(2048, 2048)
    return lambda: a @ b


makers = {
    "step": step,
    "large-step": large_step,
    "adversarial": lambda name: large_step(name, adversarial=True),
    "epoch": epoch,
    "gradient": gradient,
    "inference": inference,
    "peak": peak,
    "best-gradient": lambda name: gradient(name, best=True),
    "best-inference": lambda name: inference(name, best=True),
}
runs = {}
print("ready", torch.__version__, flush=True)
for line in sys.stdin:
    work, name, repeats = line.split()
    if (work, name) not in runs:
        runs[work, name] = makers[work](name)
        if work != "epoch":
            runs[work, name]()
    start = time.perf_counter()
    for _ in range(int(repeats)):
        runs[work, name]()
    print((time.perf_counter() - start) * 1e3 / int(repeats), flush=True)
