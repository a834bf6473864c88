"""What the works share: our program, the peers' processes, models on disk. Needs nothing but Python."""

import json
import os
import shutil
import struct
import subprocess
import sys
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
FULL_LAYERS = 28
ROOM_LEFT = 8e9  # bytes of a disk that are left to others


class Missing(Exception):
    """Something of ours that a work needs is not there."""


class Peer:
    """A worker process; None-like when it cannot start or cannot do what is asked (see `lost`)."""

    def __init__(self, name, argv, env):
        self.name = name
        self.lost = None
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, text=True,
                                        stderr=subprocess.PIPE if name else None)

    def ask(self, **request):
        """The reply, or None once the worker has failed."""
        if self.lost:
            return None
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except OSError:
            line = ""
        if not line:
            self.lost = (self.process.stderr.read().strip().splitlines() or ["it ended"])[-1]
        else:
            reply = json.loads(line)
            if "error" not in reply:
                return reply
            self.lost = reply["error"]
        print(f"bench/peers: {self.name} is not at hand: {self.lost}", file=sys.stderr)
        return None

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


class Setting:
    def __init__(self, a):
        self.a = a
        self.threads = a.threads
        self.thorax = a.thorax or os.path.join(ROOT, "build/thorax")
        if not os.access(self.thorax, os.X_OK):
            raise SystemExit(f"bench/peers: {self.thorax}: no program (--thorax names one)")
        self.env = dict(os.environ)
        if a.llama_lib:
            self.env["LLAMA_CPP_LIB_PATH"] = os.path.abspath(a.llama_lib)
        self.settings = {}  # of llama.cpp, by what was tried
        self.abouts = {}
        os.makedirs(a.dir, exist_ok=True)

    def close(self):
        pass

    # ---- Ours ----

    def ours(self, *argv, check=True):
        """Objects of the lines that our program prints."""
        done = subprocess.run([self.thorax, *argv], capture_output=True, text=True, env=self.env)
        if done.returncode:
            if check:
                raise Missing((done.stderr.strip().splitlines() or [f"thorax {argv[0]} failed"])[-1])
            return None
        return [json.loads(x) for x in done.stdout.splitlines() if x.startswith("{")]

    def lines(self, name, *argv, key, repeat=2):
        """{type or unit: line} of one bench."""
        lines = self.ours("bench", name, *map(str, argv), "--json", "-q", "--repeat", str(repeat), "--threads",
                          str(self.threads))
        return {x[key]: x for x in lines}

    def bench(self, name, *argv, unit, repeat=None):
        """The counted values of one bench, and its line: with one or two passes the spread has them all."""
        repeat = repeat or self.a.repeat
        line = self.lines(name, *argv, key="unit", repeat=repeat).get(unit)
        if line is None:
            raise Missing(f"thorax bench {name}: no figure in {unit}")
        return line["spread"][:repeat], line

    # ---- Peers ----

    def llama(self):
        return Peer("llama.cpp", [self.a.python, os.path.join(HERE, "llama_worker.py")], self.env)

    def torch(self):
        return Peer("transformers", [self.a.python, os.path.join(HERE, "torch_worker.py")], self.env)

    # ---- Models on disk ----

    def path(self, name):
        return os.path.join(self.a.dir, name)

    def made(self, name, make, need=0):
        """A file or folder that `make(path)` makes, once; under another name until it is whole. It takes about
        `need` bytes; some room is left to others."""
        path = self.path(name)
        if not os.path.exists(path):
            free = shutil.disk_usage(self.a.dir).free
            if need and need + ROOM_LEFT > free:
                raise Missing(f"{path}: takes about {need / 1e9:.1f} GB, {free / 1e9:.1f} GB are free (--dir names another place)")
            print(f"bench/peers: making {path}", file=sys.stderr)
            part = path + ".making"
            subprocess.run(["rm", "-rf", part], check=True)
            make(part)
            os.replace(part, path)
        return path

    def folder(self, text, vision=1, type="bf16", outliers=0):
        """A random model of RadVLM's shapes with so many layers (0 = all)."""
        def make(to):
            self.ours("synth", "model", "--arch", "radvlm-7b", "--seed", "1", "--layers-text", str(text),
                      "--layers-vision", str(vision), "--dtype", type, "--outliers", str(outliers), "-q", "-o", to)
        values = 1.1e9 + 0.233e9 * (text or FULL_LAYERS) + 0.016e9 * (vision or 26)
        return self.made(f"radvlm-t{text}-v{vision}-{type}" + (f"-o{outliers}" if outliers else ""), make, 2 * values)

    def language(self, type="bf16"):
        """The folder for works of the language model alone."""
        return self.folder(0 if self.a.layers >= FULL_LAYERS else self.a.layers, type=type)

    def full(self):
        return self.a.full or self.folder(0, 0, "f16")

    def layers(self):
        return min(self.a.layers, FULL_LAYERS)

    def key(self, folder):
        """A name for what is made from a folder; a folder that is not ours may change, so its time belongs to it."""
        name = os.path.basename(os.path.normpath(folder))
        if os.path.dirname(os.path.abspath(folder)) == os.path.abspath(self.a.dir):
            return name
        newest = max(os.stat(os.path.join(folder, f)).st_mtime for f in os.listdir(folder))
        return f"{name}-{int(newest)}"

    def quantised(self, folder, type):
        def make(to):
            self.ours("quantize", folder, to, "--type", type, "-q")
        return self.made(self.key(folder) + "-" + type, make, size_of(folder) * 0.6)

    def kept(self, folder):
        """The folder with f16 values that bf16 cannot hold."""
        def make(to):
            self.tool("f16_kept.py", folder, to)
        return self.made(os.path.basename(folder) + "-kept", make, size_of(folder))

    def tool(self, name, *argv):
        """One of the scripts beside this one; its standard output."""
        done = subprocess.run([self.a.python, os.path.join(HERE, name), *argv], env=self.env, capture_output=True, text=True)
        if done.returncode:
            raise Missing(f"{name}: " + (done.stderr.strip().splitlines() or ["failed"])[-1])
        return done.stdout

    def gguf(self, folder, type=None):
        """The language model for llama.cpp; None where that cannot be made."""
        base = self.key(folder)
        stored = type if type in ("f32", "f16", "bf16") else None
        try:
            plain = self.made(f"{base}{'-' + stored if stored else ''}.gguf",
                              lambda to: self.tool("gguf_write.py", folder, to, *(["--type", stored] if stored else [])),
                              size_of(folder) * (2 if stored == "f32" else 1))
        except Missing as e:
            print(f"bench/peers: llama.cpp is not at hand: {e}", file=sys.stderr)
            return None
        if stored or not type:
            return plain
        def make(to):
            w = self.llama()
            done = w.ask(do="quantize", **{"from": plain, "to": to}, type=type, threads=self.threads)
            w.close()
            if not done:
                raise Missing("llama.cpp cannot round it")
        try:
            return self.made(f"{base}-{type}.gguf", make, os.path.getsize(plain) * 0.6)
        except Missing as e:
            print(f"bench/peers: llama.cpp is not at hand: {e}", file=sys.stderr)
            return None

    def film(self):
        return self.a.film or self.made("film-2544x3056.png", lambda to: write_film(to, 2544, 3056))


def size_of(folder):
    return sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder))


def write_film(path, width, height):
    """A grey PNG: a bright middle and some grain."""
    rows = bytearray()
    state = 1
    for y in range(height):
        rows.append(0)
        for x in range(width):
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            shade = 220 - abs(2 * x - width) * 100 // width - abs(2 * y - height) * 80 // height
            rows.append(max(0, min(255, shade + (state >> 16) % 16)))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
                + chunk(b"IDAT", zlib.compress(bytes(rows), 1)) + chunk(b"IEND", b""))
