"""Copies a model folder stored in f16 and sets the lowest bit of values that are odd otherwise, so that bf16 cannot
hold them: python f16_kept.py MODEL OUT. Needs numpy."""

import json
import os
import shutil
import sys

import numpy as np


def main(folder, out):
    shutil.copytree(folder, out)
    for file in os.listdir(out):
        if not file.endswith(".safetensors"):
            continue
        path = os.path.join(out, file)
        with open(path, "rb") as f:
            size = int.from_bytes(f.read(8), "little")
            header = json.loads(f.read(size))
        for name, t in header.items():
            if name != "__metadata__" and t["dtype"] == "F16" and len(t["shape"]) == 2:
                n = (t["data_offsets"][1] - t["data_offsets"][0]) // 2
                values = np.memmap(path, np.uint16, "r+", 8 + size + t["data_offsets"][0], (n,))
                values[1::2] |= 1
                values.flush()


main(*sys.argv[1:])
