"""How far each side's logits are from f32 on the same tokens.

The reference is our own f32 (drift-f32-demo shows that llama.cpp's f32 says the same). On the demo model: phantom
films with a conversation about each, rows behind the film counted. llama.cpp gets the image rows that ours has computed in
the setting compared, so that only the language model differs; transformers gets our tiles and does the rest. On random weights
with planted outlier channels: text."""

import json
import os

from figures import Figures

FILMS = 16
OUTLIER_LAYERS, OUTLIERS, TEXT_WORDS = 4, 8, 160

CASES = [  # work, our type, goal, model, peer
    ("drift-f32-demo", "f32", "both near 0", "demo", "llama f32"),
    ("drift-bf16-demo", "bf16", "<= 1", "demo", "torch bf16"),
    ("drift-f16-demo", "bf16", "reported", "demo", "torch f16"),
    ("drift-q8-demo", "q8", "<= 1", "demo", "llama q8_0"),
    ("drift-q4-demo", "q4", "<= 1", "demo", "llama q4_k_m"),
    ("drift-bf16-random", "bf16", "<= 1", "random", "torch bf16"),
    ("drift-f16-random", "bf16", "reported", "random", "torch f16"),
    ("drift-q8-random", "q8", "<= 1", "random", "llama q8_0"),
    ("drift-q4-random", "q4", "<= 1", "random", "llama q4_k_m"),
]

OURS = {"f32": ["--precision", "f32"], "bf16": [], "q8": ["--precision", "int8"], "q4": []}


def conversation(records):
    return [m for r in records for m in ({"role": "user", "content": r["question"]},
                                         {"role": "assistant", "content": r["answer"]})]


def phantoms(s):
    """[(film, messages file)]: everything the phantom's records ask and answer, and one more question."""
    def make(to):
        s.ours("synth", "phantom", "--seed", "4711", "--count", str(FILMS), "-q", "-o", to)
        with open(os.path.join(to, "records.jsonl")) as f:
            records = [json.loads(line) for line in f]
        for film in sorted({r["image"] for r in records}):
            turns = conversation([r for r in records if r["image"] == film and "question" in r][:6])
            with open(os.path.join(to, os.path.basename(film) + ".json"), "w") as f:
                json.dump(turns + [{"role": "user", "content": "Provide a radiology report for this Chest X-Ray."}], f)
    folder = s.made("phantoms", make)
    films = sorted(f for f in os.listdir(folder) if f.endswith(".png"))
    return [(os.path.join(folder, f), os.path.join(folder, f + ".json")) for f in films]


def text(s):
    """[(None, messages file)]: words in an order that a counter makes."""
    words = "the heart is of normal size and both lungs are clear without fluid at left or right base".split()

    def make(to):
        said = " ".join(words[i * i * 7 % 31 % len(words)] + (str(i) if i % 5 == 0 else "") for i in range(TEXT_WORDS))
        with open(to, "w") as f:
            json.dump([{"role": "user", "content": said}], f)
    return [(None, s.made("words.json", make))]


class Case:
    """One conversation: its ids and where the rows that count begin."""

    def __init__(self, s, folder, film, messages, number):
        self.s, self.folder, self.messages, self.number = s, folder, messages, number
        self.film = ["-i", film] if film else []
        p = s.ours("inspect", "prompt", "-m", folder, *self.film, "--messages", messages)[0]
        self.ids, n = p["ids"], p["image_tokens"]
        self.at = self.first = 0
        if n:
            slot = max(set(self.ids), key=self.ids.count)  # the placeholder, n times in a row
            self.at = self.ids.index(slot)
            self.first = self.at + n
        self.n = n

    def file(self, what):
        return self.s.path(f"drift-{self.number}-{what}.npy")

    def ours(self, folder, what, extra):
        out = self.file(what)
        self.s.ours("inspect", "logits", "-m", folder, *self.film, "--messages", self.messages, "--all", "-q", "-o", out, *extra)
        return out

    def segments(self, folder, extra):
        if not self.n:
            return [{"ids": self.ids}]
        rows = self.file("rows")
        self.s.ours("inspect", "features", "-m", folder, *self.film, "--stage", "rows", "-q", "-o", rows, *extra)
        return [{"ids": self.ids[:self.at]}, {"rows": rows}, {"ids": self.ids[self.first:]}]

    def tiles(self):
        tiles = self.file("tiles")
        j = self.s.ours("inspect", "tiles", "-m", self.folder, *self.film, "-o", tiles)[0]
        return {"tiles": tiles, "size": [j["height"], j["width"]]}

    def compare(self, reference, *others):
        out = self.s.tool("kl.py", str(self.first), reference, *others)
        return [json.loads(x) for x in out.splitlines()]


def theirs_of(s, peer, folder, ours_folder, extra):
    """A function from a case to the peer's logits (None: not at hand), and the one that ends the peer."""
    kind, type = peer.split()
    if kind == "llama":
        path = s.gguf(folder, type)
        w = s.llama()
        ready = path and w.ask(do="load", path=path, threads=s.threads, ctx=8192, batch=512, fa=type != "f32",
                               kv="f32" if type == "f32" else "f16")
        ask = lambda c: {"segments": c.segments(ours_folder, extra)}
    else:
        w = s.torch()
        ready = w.ask(do="load", path=folder, type=type, threads=s.threads)
        ask = lambda c: {"segments": [{"ids": c.ids}], **(c.tiles() if c.n else {})}

    def run(case):
        out = case.file("theirs")
        return out if ready and w.ask(do="logits", out=out, **ask(case)) else None
    return run, w.close


def mean(results):
    rows = sum(r["rows"] for r in results)
    return {k: sum(r[k] * r["rows"] for r in results) / rows for k in ("kl", "agree")} | {"rows": rows}


def against(model, type, peer):
    def measure(s):
        folder = s.a.demo if model == "demo" else s.folder(OUTLIER_LAYERS, 1, "bf16", OUTLIERS)
        mine = folder if type not in ("q8", "q4") else s.quantised(folder, type)
        extra = [*OURS[type], "--threads", str(s.threads)]
        films = phantoms(s) if model == "demo" else text(s)
        cases = [Case(s, folder, film, messages, i) for i, (film, messages) in enumerate(films)]
        run, close = theirs_of(s, peer, folder, mine, extra)
        ours, theirs = [], []
        for c in cases:
            reference = c.ours(folder, "f32", OURS["f32"])
            ours.append(c.compare(reference, c.ours(mine, "ours", extra))[0])
            other = run(c)
            if other:
                theirs.append(c.compare(reference, other)[0])
        close()
        o, t = mean(ours), mean(theirs) if theirs else None
        name = peer.replace("llama", "llama.cpp").replace("torch", "transformers")
        f = Figures("nat", name, [o["kl"]], [t["kl"]] if t else None, 0 if model == "demo" else OUTLIER_LAYERS)
        f.settings = f"{o['rows']} rows; best token as in f32: ours {o['agree']:.4f}" + (f", theirs {t['agree']:.4f}" if t else "")
        return f
    return measure
