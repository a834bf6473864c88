#!/usr/bin/env python3
"""Makes tests/data/resize: small pictures and what Pillow makes of them.

Usage: resize_cases.py OUT_DIR        (needs Pillow and numpy; neither is needed to build or test)

Each case is one line of cases.txt: name, filter, channels, width, height, new width, new height.
NAME.in.npy and NAME.out.npy are u8 [height, width] or [height, width, 3].
"""
import sys
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

SEED = 20261124
SIZES = [  # width, height -> width, height
    (1, 1, 7, 3), (2, 5, 1, 1), (50, 40, 13, 17), (31, 47, 61, 9), (64, 3, 64, 11), (90, 70, 16, 90),
    (13, 200, 40, 5), (17, 19, 120, 23), (100, 60, 99, 61), (257, 9, 3, 4), (7, 129, 8, 128), (40, 40, 40, 40),
]


def picture(rng, width, height, channels, kind):
    """Noise, a smooth ramp with noise, or hard black-and-white edges (they overshoot and clip)."""
    shape = (height, width, channels)
    noise = rng.integers(0, 256, shape)
    if kind == 0:
        a = noise
    elif kind == 1:
        y, x, c = np.indices(shape)
        a = (5 * x + 3 * y + 40 * c + noise // 16) % 256
    else:
        a = (noise > 127) * 255
    a = a.astype(np.uint8)
    return a[..., 0] if channels == 1 else a


def main(out):
    rng = np.random.default_rng(SEED)
    out.mkdir(parents=True, exist_ok=True)
    lines = [f"# Pillow {PIL.__version__}, seed {SEED}: name filter channels width height new_width new_height"]
    for filter_name, filter_ in (("bicubic", Image.BICUBIC), ("lanczos", Image.LANCZOS)):
        for i, (w, h, nw, nh) in enumerate(SIZES):
            channels = 1 if (i + (filter_name == "lanczos")) % 2 else 3
            a = picture(rng, w, h, channels, i % 3)
            name = f"{filter_name}-{i:02d}"
            np.save(out / f"{name}.in.npy", a)
            np.save(out / f"{name}.out.npy", np.asarray(Image.fromarray(a).resize((nw, nh), filter_)))
            lines.append(f"{name} {filter_name} {channels} {w} {h} {nw} {nh}")
    (out / "cases.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
