#!/usr/bin/env python3
"""Makes small synthetic films in every format we read: seeds of the fuzzers and inputs of a unit test.

Usage: film_seeds.py tests/fuzz/corpus/png tests/fuzz/corpus/jpeg tests/data/films/cases.txt    (needs Pillow, numpy)

The first two folders get one file a format. The list gets, for every file found there then (arithmetic JPEGs,
which Pillow cannot write, were made with jpeglib), the SHA-256 of Pillow's convert("RGB") bytes.
"""
import hashlib
import io
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

W, H = 19, 13
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pack_rows(samples, bits):
    """[h, w, c] to filtered rows (filter 0)."""
    rows = []
    for row in samples.reshape(samples.shape[0], -1):
        if bits == 16:
            data = row.astype(">u2").tobytes()
        elif bits == 8:
            data = row.astype(np.uint8).tobytes()
        else:
            all_bits = "".join(format(int(v), f"0{bits}b") for v in row)
            all_bits += "0" * (-len(all_bits) % 8)
            data = bytes(int(all_bits[i:i + 8], 2) for i in range(0, len(all_bits), 8))
        rows.append(b"\0" + data)
    return b"".join(rows)


def png(rng, colour, bits, extra=b"", interlaced=False, levels=None):
    samples = rng.integers(0, levels or 1 << bits, (H, W, CHANNELS[colour]))
    if interlaced:
        parts = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7]
        raw = b"".join(pack_rows(p, bits) for p in parts if p.size)
    else:
        raw = pack_rows(samples, bits)
    head = struct.pack(">IIBBBBB", W, H, bits, colour, 0, 0, int(interlaced))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def pngs(rng):
    palette = chunk(b"PLTE", rng.integers(0, 256, 3 * 16, dtype=np.uint8).tobytes())
    alpha = chunk(b"tRNS", rng.integers(0, 256, 9, dtype=np.uint8).tobytes())
    text = chunk(b"tEXt", b"Comment\0synthetic")
    for bits in (1, 2, 4, 8, 16):
        yield f"gray{bits}", png(rng, 0, bits)
    yield "gray16-small", png(rng, 0, 16, levels=400)
    yield "gray8-adam7", png(rng, 0, 8, interlaced=True)
    yield "gray2-adam7", png(rng, 0, 2, interlaced=True)
    yield "gray8-trns", png(rng, 0, 8, chunk(b"tRNS", b"\0\x07"))
    yield "gray-alpha8", png(rng, 4, 8)
    yield "gray-alpha16", png(rng, 4, 16)
    yield "rgb8", png(rng, 2, 8, text)
    yield "rgb8-trns", png(rng, 2, 8, chunk(b"tRNS", b"\0\1\0\2\0\3"))
    yield "rgb16", png(rng, 2, 16)
    yield "rgba8", png(rng, 6, 8)
    yield "rgba16-adam7", png(rng, 6, 16, interlaced=True)
    yield "palette4", png(rng, 3, 4, palette)
    yield "palette8", png(rng, 3, 8, palette, levels=16)
    yield "palette8-beyond", png(rng, 3, 8, palette, levels=40)
    yield "palette1-trns", png(rng, 3, 1, chunk(b"PLTE", bytes([9, 8, 7, 200, 201, 202])) + chunk(b"tRNS", b"\x80"))
    yield "palette8-trns-adam7", png(rng, 3, 8, palette + alpha, interlaced=True, levels=16)


def jpegs(rng):
    grey = np.clip(np.add.outer(np.arange(29) * 5, np.arange(37) * 3) + rng.integers(0, 30, (29, 37)), 0, 255).astype(np.uint8)
    rgb = np.stack([grey, grey[::-1], grey[:, ::-1]], -1)
    cmyk = np.concatenate([rgb, grey[..., None] // 2], -1)
    exif = Image.Exif()
    exif[0x0112] = 6
    for name, image, options in (
        ("gray", Image.fromarray(grey), {}),
        ("gray-progressive", Image.fromarray(grey), {"progressive": True}),
        ("gray-exif", Image.fromarray(grey), {"exif": exif}),
        ("rgb-444", Image.fromarray(rgb), {"subsampling": 0}),
        ("rgb-420-restart", Image.fromarray(rgb), {"subsampling": 2, "restart_marker_rows": 1}),
        ("rgb-422-progressive", Image.fromarray(rgb), {"subsampling": 1, "progressive": True}),
        ("cmyk", Image.fromarray(cmyk, "CMYK"), {}),
    ):
        data = io.BytesIO()
        image.save(data, "JPEG", quality=80, **options)
        yield name, data.getvalue()


def main(png_dir, jpeg_dir, cases):
    rng = np.random.default_rng(7)
    for folder, ending, films in ((png_dir, "png", pngs(rng)), (jpeg_dir, "jpg", jpegs(rng))):
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in films:
            (folder / f"{name}.{ending}").write_bytes(data)
    lines = ["# folder/file, Pillow's mode, SHA-256 of the bytes of convert(\"RGB\")"]
    for path in sorted(png_dir.glob("*.png")) + sorted(jpeg_dir.glob("*.jpg")):
        image = Image.open(path)
        digest = hashlib.sha256(image.convert("RGB").tobytes()).hexdigest()
        lines.append(f"{path.parent.name}/{path.name} {image.mode} {digest}")
    cases.parent.mkdir(parents=True, exist_ok=True)
    cases.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
