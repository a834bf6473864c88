"""Phantom films for training: drawn by the project's own C through ctypes, tiled as the program tiles them.

    python phantoms.py FOLDER SEED FIRST COUNT      writes one shard: base.npy, grid.npy (u8 tiles), truth.npy

A film is drawn straight or mirrored (by a coin of its index); the texts follow from the stored truth.
"""
import ctypes
import json
import math
import os
import pathlib
import subprocess
import sys

import numpy as np
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[3]
SIDE, PATCH = 192, 24          # one tile; pinpoints: [[SIDE, SIDE]]
CELLS = SIDE // PATCH
LABELS = ["Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Lung Lesion", "Pleural Effusion", "Pneumothorax", "Support Devices"]
REGIONS = ["right lung", "left lung", "heart", "mediastinum", "right hemidiaphragm", "left hemidiaphragm"]
NOT_FILMS = 0.04


class Box(ctypes.Structure):
    _fields_ = [(k, ctypes.c_float) for k in ("x1", "y1", "x2", "y2")]


class Finding(ctypes.Structure):
    _fields_ = [("label", ctypes.c_int), ("side", ctypes.c_int), ("zone", ctypes.c_int), ("large", ctypes.c_bool),
                ("device", ctypes.c_uint * 2), ("n_boxes", ctypes.c_uint), ("boxes", Box * 2)]


class Phantom(ctypes.Structure):
    _fields_ = [("width", ctypes.c_size_t), ("height", ctypes.c_size_t), ("pixels", ctypes.c_uint64), ("is_film", ctypes.c_bool),
                ("regions", Box * 6), ("n_findings", ctypes.c_uint), ("findings", Finding * 8), ("words", ctypes.c_uint64)]


class Options(ctypes.Structure):
    _fields_ = [("bits", ctypes.c_uint), ("mirror", ctypes.c_bool), ("not_films", ctypes.c_double), ("split", ctypes.c_char_p)]


def library():
    """libphantom.so beside the cached data, from the sources of this checkout."""
    folder = pathlib.Path(os.environ.get("PHANTOM_CACHE", "/tmp/thorax-demo"))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "libphantom.so"
    src = ROOT / "src"
    files = [*sorted((src / "synth").glob("phantom*.c")), *[src / f for f in ("base/error.c", "base/string.c", "base/file.c", "base/memory.c",
             "film/png_write.c", "text/boxes.c", "text/utf8.c")]]
    if not path.exists():
        subprocess.run(["cc", "-std=gnu11", "-O3", "-march=native", "-ffp-contract=off", "-fPIC", "-shared", f"-I{src}", f"-I{ROOT}/include",
                        '-DTHX_VERSION="0"', *map(str, files), "-o", str(path), "-ljansson", "-lpng", "-lutf8proc", "-lm"], check=True)
    lib = ctypes.CDLL(str(path))
    lib.thx_phantom_texts.restype = ctypes.c_void_p
    return lib


LIB = library()
LIBC = ctypes.CDLL(None)
LIBC.free.argtypes = [ctypes.c_void_p]


def draw(seed, index, mirror=False, not_films=0.0):
    """One film: 8-bit pixels as an 8-bit PNG holds them, and its truth (the C struct)."""
    p, o = Phantom(), Options(8, mirror, not_films, None)
    assert LIB.thx_phantom_draw(ctypes.byref(p), ctypes.c_uint64(seed), ctypes.c_uint64(index), ctypes.byref(o), None) == 0
    deep = np.ctypeslib.as_array(ctypes.cast(p.pixels, ctypes.POINTER(ctypes.c_uint16)), (p.height, p.width))
    pixels = ((deep.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    truth = Phantom.from_buffer_copy(p)
    truth.pixels = 0
    LIB.thx_phantom_deinit(ctypes.byref(p))
    return pixels, truth


def texts(truth, wording=0):
    """What can be asked and answered about a film: {"film","labels","regions","boxes","turns"}."""
    s = LIB.thx_phantom_texts(ctypes.byref(truth), ctypes.c_uint64(wording))
    out = json.loads(ctypes.string_at(s))
    LIBC.free(s)
    return out


def tiles(pixels):
    """Base tile (squashed) and grid tile (aspect kept, padded with 0), Pillow's bicubic."""
    image = Image.fromarray(pixels)
    w, h = image.size
    base = np.asarray(image.resize((SIDE, SIDE), Image.BICUBIC))
    sw, sh = SIDE / w, SIDE / h
    if sw < sh:
        nw, nh = SIDE, min(math.ceil(h * sw), SIDE)
    else:
        nh, nw = SIDE, min(math.ceil(w * sh), SIDE)
    grid = np.zeros((SIDE, SIDE), np.uint8)
    top, left = (SIDE - nh) // 2, (SIDE - nw) // 2
    grid[top:top + nh, left:left + nw] = np.asarray(image.resize((nw, nh), Image.BICUBIC))
    return base, grid


def unpad(w, h):
    """Rows and columns of the grid's features that stay (top, bottom, left, right)."""
    if w / h > 1.0:
        n = int(round(h * (CELLS / w), 7))
        p = (CELLS - n) // 2
        return p, CELLS - p, 0, CELLS
    n = int(round(w * (CELLS / h), 7))
    p = (CELLS - n) // 2
    return 0, CELLS, p, CELLS - p


def mirrored(t):
    """The truth of the mirrored film: as the C does it, sides and the order of two boxes too."""
    def flip(b):
        b.x1, b.x2 = 1.0 - b.x2, 1.0 - b.x1

    if not t.is_film:
        return t
    for b in t.regions:
        flip(b)
    for a, b in ((0, 1), (4, 5)):
        one, two = Box.from_buffer_copy(t.regions[a]), Box.from_buffer_copy(t.regions[b])
        t.regions[a], t.regions[b] = two, one
    for f in t.findings[:t.n_findings]:
        if f.side < 2:
            f.side = 1 - f.side
        for b in f.boxes[:f.n_boxes]:
            flip(b)
        if f.n_boxes == 2 and f.boxes[1].x1 < f.boxes[0].x1:
            one, two = Box.from_buffer_copy(f.boxes[0]), Box.from_buffer_copy(f.boxes[1])
            f.boxes[0], f.boxes[1] = two, one
            f.device[0], f.device[1] = f.device[1], f.device[0]
    return t


def coin(seed, index):
    return ((seed * 1000003 + index) * 2654435761 >> 16) & 1 == 1


def write_shard(folder, seed, first, count):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    base, grid = np.empty((count, SIDE, SIDE), np.uint8), np.empty((count, SIDE, SIDE), np.uint8)
    truth = np.empty((count, ctypes.sizeof(Phantom)), np.uint8)
    for i in range(count):
        pixels, t = draw(seed, first + i, coin(seed, first + i), NOT_FILMS)
        base[i], grid[i] = tiles(pixels)
        truth[i] = np.frombuffer(bytes(t), np.uint8)
    for name, a in (("base", base), ("grid", grid), ("truth", truth)):
        np.save(folder / f"{name}.tmp.npy", a)
        os.replace(folder / f"{name}.tmp.npy", folder / f"{name}.npy")


def shards(folder):
    """All complete shards, memory-mapped: lists of base, grid, truth."""
    done = sorted(p.parent for p in pathlib.Path(folder).glob("*/truth.npy"))
    return [[np.load(p / f"{n}.npy", mmap_mode="r") for p in done] for n in ("base", "grid", "truth")]


def targets(truth):
    """Numbers for the tower: labels [8], region boxes [6,4], finding boxes [8,2,4], how many [8], is_film."""
    labels, boxes, n = np.zeros(8, np.float32), np.zeros((8, 2, 4), np.float32), np.zeros(8, np.int64)
    for f in truth.findings[:truth.n_findings]:
        labels[f.label], n[f.label] = 1, f.n_boxes
        for k in range(f.n_boxes):
            boxes[f.label, k] = [f.boxes[k].x1, f.boxes[k].y1, f.boxes[k].x2, f.boxes[k].y2]
    regions = np.array([[b.x1, b.y1, b.x2, b.y2] for b in truth.regions], np.float32)
    return labels, regions, boxes, n, truth.is_film


if __name__ == "__main__":
    write_shard(sys.argv[1], *map(int, sys.argv[2:5]))
