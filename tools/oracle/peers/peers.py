"""Ours and the peer by turns, on the same random weights: one line a work.

Each work is measured in blocks: ours, peer, ours, peer, ... A block begins with a pass that is not counted, so that
neither side profits from what the other left in the caches. The figures are medians over all blocks.

Peers: llama.cpp through the PyPI package llama-cpp-python (or a build of its own, --llama-lib), transformers, what
the machine does at best (thorax bench peak), and ourselves in another setting. A peer that is not at hand is null and
ours is measured all the same. Models are random ones, written once into --dir; where the full size of both sides does
not fit into memory, --layers takes fewer layers of the same shape on both sides, and the count is printed.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

import setting
from works import WORKS


def line_of(work, s):
    """Measures one work; the object that is printed."""
    figures = work.measure(s)
    ours, theirs = figures.ours, figures.theirs
    out = {"work": work.name, "type": work.type,
           "ours": ours and statistics.median(ours), "peer": figures.peer,
           "theirs": theirs and statistics.median(theirs), "unit": figures.unit, "ratio": None, "goal": work.goal}
    if ours and theirs and out["theirs"]:
        out["ratio"] = out["ours"] / out["theirs"]
    if ours:
        out["spread"] = [[min(ours), max(ours)], theirs and [min(theirs), max(theirs)]]
    if figures.layers:
        out["layers"] = figures.layers
    if figures.settings:
        out["settings"] = figures.settings
    return out


def show(line):
    def number(x):
        return "-" if x is None else f"{x:.4g}"
    layers = f"  ({line['layers']} layers)" if line.get("layers") else ""
    print(f"{line['work']:<18} {line['type']:<5} {number(line['ours']):>10} {number(line['theirs']):>10} {line['unit']:<9} "
          f"{line['peer']:<26} {number(line['ratio']):>7}  {line['goal']}{layers}", flush=True)


def options():
    a = argparse.ArgumentParser(prog="bench/peers", description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("works", nargs="*", metavar="WORK", help="which (default: all); see --list")
    a.add_argument("--list", action="store_true", help="name the works and their goals, and stop")
    a.add_argument("--json", action="store_true", help="one JSON object a line")
    a.add_argument("--thorax", default=os.environ.get("THORAX_PROGRAM"), help="our program [THORAX_PROGRAM]")
    a.add_argument("--python", default=os.environ.get("THORAX_PEERS_PYTHON", sys.executable),
                   help="a Python with numpy, gguf, llama-cpp-python, torch and transformers, or some of them "
                        "[THORAX_PEERS_PYTHON]")
    a.add_argument("--llama-lib", default=os.environ.get("LLAMA_CPP_LIB_PATH"), metavar="DIR",
                   help="folder of libllama.so, of the version the bindings are made for [LLAMA_CPP_LIB_PATH]")
    a.add_argument("--dir", default="/tmp/thorax-peers", help="where models are written to and kept (default %(default)s)")
    a.add_argument("--demo", default=os.path.join(setting.ROOT, "models/demo"), help="the demo model")
    a.add_argument("--film", help="a film (default: one of 2544 x 3056 pixels, made here)")
    a.add_argument("--full", metavar="DIR", help="a model folder of the full size, for open and memory (default: a random "
                   "one in f16, made here: 16 GB)")
    a.add_argument("--layers", type=int, default=12, help="of the language model; 28 is the full size (default %(default)s)")
    a.add_argument("--layers-vision", type=int, default=0, help="of the tower; 0 (default): the full size")
    a.add_argument("--threads", type=int, default=2, help="(default %(default)s)")
    a.add_argument("--blocks", type=int, default=3, help="blocks a side (default %(default)s)")
    a.add_argument("--repeat", type=int, default=2, choices=[1, 2], help="counted passes a block (default %(default)s)")
    return a


def main():
    a = options().parse_args()
    names = [w.name for w in WORKS]
    if a.list:
        for w in WORKS:
            print(f"{w.name:<18} {w.type:<5} {w.goal}")
        return 0
    unknown = [w for w in a.works if w not in names]
    if unknown:
        print(f"bench/peers: no work \"{unknown[0]}\"; there are: {' '.join(names)}", file=sys.stderr)
        return 2
    s = setting.Setting(a)
    failed = 0
    for work in WORKS:
        if a.works and work.name not in a.works:
            continue
        try:
            line = line_of(work, s)
        except (setting.Missing, subprocess.CalledProcessError, OSError) as e:
            print(f"bench/peers: {work.name}: {e}", file=sys.stderr)
            failed += 1
            continue
        if a.json:
            print(json.dumps(line), flush=True)
        else:
            show(line)
    s.close()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
