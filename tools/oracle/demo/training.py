"""What both training steps share: two processes with one gradient, the optimiser, the shards, checkpoints, figures."""
import os
import pathlib
import time

import numpy as np
import torch
import torch.distributed as dist

import phantoms

CACHE = pathlib.Path(os.environ.get("PHANTOM_CACHE", "/tmp/thorax-demo"))


def start():
    """Rank and number of processes (RANK, WORLD_SIZE); one thread each: barriers of a thread team cost more."""
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    torch.set_num_threads(1)
    if world > 1:
        dist.init_process_group("gloo", init_method=f"file://{CACHE}/meet-{os.environ['MEET']}", rank=rank, world_size=world)
    return rank, world


def average_gradients(params, world):
    if world == 1:
        return
    grads = [p.grad if p.grad is not None else torch.zeros_like(p) for p in params]
    flat = torch.cat([g.flatten() for g in grads])
    dist.all_reduce(flat)
    flat /= world
    at = 0
    for p in params:
        p.grad = flat[at:at + p.numel()].view_as(p)
        at += p.numel()


def orthogonal(g):
    """Newton-Schulz: the nearest matrix with equal singular values, roughly."""
    x = g.bfloat16() if g.shape[0] <= g.shape[1] else g.bfloat16().T
    x = x / (x.float().norm() + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return (x if g.shape[0] <= g.shape[1] else x.T).float()


class Optimiser:
    """Muon for the matrices of the layers, AdamW for everything else; `scale` multiplies the rates of a step.

    Every process turns its share of the matrices and all get the sum."""

    def __init__(self, named, muon_lr, adam_lr, decay=0.02):
        named = list(named)
        self.matrices = [p for n, p in named if p.ndim == 2 and ".layers." in n]
        ids = {id(p) for p in self.matrices}
        self.momentum = [torch.zeros_like(p) for p in self.matrices]
        self.muon_lr, self.adam_lr, self.decay = muon_lr, adam_lr, decay
        self.params = [p for _, p in named]
        self.adam = torch.optim.AdamW([p for _, p in named if id(p) not in ids], lr=adam_lr, betas=(0.9, 0.98), weight_decay=decay)

    def step(self, scale):
        rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        lr = self.muon_lr * scale
        with torch.no_grad():
            turned = []
            for i, (p, m) in enumerate(zip(self.matrices, self.momentum)):
                m.mul_(0.95).add_(p.grad)
                turned.append(orthogonal(p.grad + 0.95 * m) if i // 2 % world == rank else torch.zeros_like(p))
            flat = torch.cat([t.flatten() for t in turned]).bfloat16()
            if world > 1:
                dist.all_reduce(flat)
            at = 0
            for p in self.matrices:
                p.mul_(1 - lr * self.decay)
                p.add_(flat[at:at + p.numel()].view_as(p), alpha=-lr * max(1.0, p.shape[0] / p.shape[1]) ** 0.5)
                at += p.numel()
        for g in self.adam.param_groups:
            g["lr"] = self.adam_lr * scale
        self.adam.step()

    def state(self):
        return dict(momentum=self.momentum, adam=self.adam.state_dict())

    def load(self, s):
        self.momentum = s["momentum"]
        self.adam.load_state_dict(s["adam"])


class Plain:
    """AdamW alone, used as the above."""

    def __init__(self, params, lr):
        self.params, self.lr = list(params), lr
        self.adam = torch.optim.AdamW(self.params, lr=lr, betas=(0.9, 0.98), weight_decay=0.0)

    def step(self, scale):
        for g in self.adam.param_groups:
            g["lr"] = self.lr * scale
        self.adam.step()

    def state(self):
        return self.adam.state_dict()

    def load(self, s):
        self.adam.load_state_dict(s)


class Films:
    """Random access to all shards that are complete; looks for new ones when asked."""

    def __init__(self, folder):
        self.folder = folder
        self.refresh()

    def refresh(self):
        self.base, self.grid, self.truth = phantoms.shards(self.folder)
        self.ends = np.cumsum([len(t) for t in self.truth])

    def __len__(self):
        return int(self.ends[-1]) if len(self.ends) else 0

    def get(self, i, grid=False, mirror=False):
        s = int(np.searchsorted(self.ends, i, side="right"))
        k = i - (int(self.ends[s - 1]) if s else 0)
        truth = phantoms.Phantom.from_buffer_copy(self.truth[s][k].tobytes())
        base, grid = self.base[s][k], self.grid[s][k] if grid else None
        if mirror:
            base, grid, truth = base[:, ::-1], None if grid is None else grid[:, ::-1], phantoms.mirrored(truth)
        return base, grid, truth


def save(path, **what):
    torch.save(what, f"{path}.tmp")
    os.replace(f"{path}.tmp", path)


def iou(a, b):
    """Of boxes [..., 4], elementwise."""
    w = (torch.minimum(a[..., 2], b[..., 2]) - torch.maximum(a[..., 0], b[..., 0])).clamp(min=0)
    h = (torch.minimum(a[..., 3], b[..., 3]) - torch.maximum(a[..., 1], b[..., 1])).clamp(min=0)
    area = lambda x: (x[..., 2] - x[..., 0]).clamp(min=0) * (x[..., 3] - x[..., 1]).clamp(min=0)
    return w * h / (area(a) + area(b) - w * h + 1e-9)


def f1(predicted, true):
    """Per label, of bool [N, L]."""
    return 2 * (predicted & true).sum(0) / (predicted.sum(0) + true.sum(0)).clamp(min=1)


def log(text, rank=0):
    if rank == 0:
        print(time.strftime("%H:%M:%S"), text, flush=True)
