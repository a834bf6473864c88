"""How far logits are from others: python kl.py FIRST REFERENCE OTHER…

REFERENCE and OTHER are NumPy files f32 [T, V]; rows from FIRST on count. For each OTHER a JSON object:
{"kl": mean over rows of KL(reference || other) in nats, "worst": largest row, "agree": share of rows whose best
entry is the same, "rows": how many}. Needs numpy."""

import json
import sys

import numpy as np


def log_softmax(x):
    x = x.astype(np.float64) - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def compare(reference, other, first):
    kl, agree = [], []
    for a, b in zip(reference[first:], other[first:]):
        p, q = log_softmax(a), log_softmax(b)
        kl.append(float((np.exp(p) * (p - q)).sum()))
        agree.append(bool(a.argmax() == b.argmax()))
    return {"kl": float(np.mean(kl)), "worst": max(kl), "agree": float(np.mean(agree)), "rows": len(kl)}


def main(first, reference, *others):
    a = np.load(reference, mmap_mode="r")
    for path in others:
        b = np.load(path, mmap_mode="r")
        if a.shape != b.shape:
            raise SystemExit(f"{path}: {b.shape}, the reference has {a.shape}")
        print(json.dumps(compare(a, b, int(first))))


if __name__ == "__main__":
    main(*sys.argv[1:])
