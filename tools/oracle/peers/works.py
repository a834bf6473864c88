"""The works that are compared, their goals, and how each side does them."""

import json
import os
import random
import shutil
import subprocess
import sys
import time

import drift
from figures import Figures, Work
from setting import HERE, Missing

REPORT = "Provide a radiology report for this Chest X-Ray."  # our family's own words for it
SHORT_TOKENS = 16
LLAMA_TYPES = {"bf16": None, "q8": "q8_0", "q4": "q4_k_m"}


def alternate(s, figures, ours, theirs, blocks=None):
    """Ours, theirs, ours, theirs …; `theirs` gives None when there is no peer."""
    figures.theirs = []
    for _ in range(blocks or s.a.blocks):
        figures.ours += ours()
        more = theirs() if figures.theirs is not None else None
        figures.theirs = None if more is None else figures.theirs + more
    return figures


# ---- The language model beside llama.cpp ----

def our_folder(s, type):
    folder = s.language("bf16" if type in ("bf16", "q8", "q4") else type)
    return folder if type not in ("q8", "q4") else s.quantised(folder, type)


def our_rate(s, bench, type, tokens, unit="tokens/s", extra=()):
    folder = our_folder(s, type)
    if type == "q8" and bench == "prompt":
        extra = (*extra, "--precision", "int8")
    return lambda: s.bench(bench, "-m", folder, "--tokens", tokens, *extra, unit=unit)[0]


def llama_seconds(w, path, bench, tokens, threads, ubatch, fa, passes):
    """Seconds of the passes but the first; None where llama.cpp fails."""
    if not w.ask(do="load", path=path, threads=threads, ctx=tokens + 64, batch=2048, ubatch=ubatch, fa=fa):
        return None
    seconds = []
    for _ in range(passes + 1):
        r = w.ask(do=bench, tokens=tokens)
        if not r:
            return None
        seconds.append(r["seconds"])
    return seconds[1:]


def llama_best(s, path, bench, tokens):
    """(ubatch, flash attention) that is quickest for this file and work, tried once each."""
    few = min(tokens, 2048)
    key = (path, bench, few)
    if key not in s.settings:
        w, best = s.llama(), None
        for ubatch in (512, 2048) if bench == "prompt" and few > 512 else (512,):
            for fa in (True, False):
                seconds = llama_seconds(w, path, bench, few, s.threads, ubatch, fa, 1)
                if seconds and (best is None or seconds[0] < best[0]):
                    best = (seconds[0], ubatch, fa)
        w.close()
        s.settings[key] = best and best[1:]
    return s.settings[key]


def against_llama(bench, type, tokens):
    def measure(s):
        ours = our_rate(s, bench, type, tokens)
        path = s.gguf(s.language("bf16"), LLAMA_TYPES[type])
        best = path and llama_best(s, path, bench, tokens)

        def theirs():
            if not best:
                return None
            w = s.llama()
            seconds = llama_seconds(w, path, bench, tokens, s.threads, *best, s.a.repeat)
            w.close()
            return seconds and [tokens / x for x in seconds]

        names = {"bf16": "BF16", "q8": "Q8_0", "q4": "Q4_K_M"}
        f = Figures("tokens/s", f"llama.cpp {names[type]}", layers=s.layers())
        if best:
            f.settings = f"-t {s.threads} -ub {best[0]} -fa {'on' if best[1] else 'off'}"
        return alternate(s, f, ours, theirs)
    return measure


# ---- Beside transformers ----

def torch_seconds(s, path, request, passes, type="bf16"):
    w = s.torch()
    seconds = []
    if w.ask(do="load", path=path, type=type, threads=s.threads):
        for _ in range(passes + 1):
            r = w.ask(**request)
            seconds += [r["seconds"]] if r else []
    w.close()
    return seconds[1:] or None


def prompt_against_torch(tokens):
    def measure(s):
        folder = s.language("bf16")

        def theirs():
            seconds = torch_seconds(s, folder, {"do": "prompt", "tokens": tokens}, s.a.repeat)
            return seconds and [tokens / x for x in seconds]
        return alternate(s, Figures("tokens/s", "transformers bf16", layers=s.layers()),
                         our_rate(s, "prompt", "bf16", tokens), theirs)
    return measure


TILES = 31


def tower(s):
    folder = s.folder(1, s.a.layers_vision)
    if "tower" not in s.settings:  # tiles at once: what is quickest
        tried = {k: torch_seconds(s, folder, {"do": "tower", "tiles": min(TILES, 8), "at_once": k}, 1) for k in (1, 2, 8)}
        tried = {k: v[0] for k, v in tried.items() if v}
        s.settings["tower"] = min(tried, key=tried.get) if tried else None
    at_once = s.settings["tower"]

    def theirs():
        seconds = at_once and torch_seconds(s, folder, {"do": "tower", "tiles": TILES, "at_once": at_once}, s.a.repeat)
        return seconds and [TILES / x for x in seconds]
    f = Figures("tiles/s", "transformers bf16", layers=s.a.layers_vision,
                settings=f"{at_once} tiles at once" if at_once else "")
    return alternate(s, f, lambda: s.bench("tower", "-m", folder, "--tiles", TILES, unit="tiles/s")[0], theirs)


def first(s):
    """Start of a process to the first token; the time within transformers after loading is in the settings."""
    full = s.a.layers >= 28
    folder = s.folder(0 if full else s.a.layers, s.a.layers_vision)
    inside = []

    def theirs():
        begin = time.monotonic()
        done = subprocess.run([s.a.python, os.path.join(HERE, "torch_worker.py"), "first", folder, s.film(), REPORT],
                              capture_output=True, text=True, env=s.env)
        if done.returncode or not done.stdout:
            print("bench/peers: transformers is not at hand:", (done.stderr.strip().splitlines() or ["it failed"])[-1],
                  file=sys.stderr)
            return None
        inside.append(json.loads(done.stdout))
        return [time.monotonic() - begin]

    f = alternate(s, Figures("s", "transformers bf16", layers=s.layers()),
                  lambda: s.bench("first", "-m", folder, "-i", s.film(), unit="s", repeat=1)[0], theirs)
    if inside:
        f.settings = "theirs without loading: " + ", ".join(f"{x['prepare_s'] + x['model_s']:.1f} s" for x in inside)
    return f


# ---- Beside the machine, and beside ourselves ----

def against_peak(bench, type, tokens, peak, unit):
    def measure(s):
        if bench == "tower":
            folder = s.folder(1, s.a.layers_vision)
            ours = lambda: s.bench("tower", "-m", folder, "--tiles", TILES, unit=unit)[0]
        else:
            ours = our_rate(s, bench, type, tokens, unit)

        def theirs():
            line = s.lines("peak", key="type").get(peak)
            return line and line["spread"]
        names = {"read": "reading memory"}
        return alternate(s, Figures(unit, names.get(peak, f"{peak} peak"),
                                    layers=s.a.layers_vision if bench == "tower" else s.layers()), ours, theirs)
    return measure


def long_against_short(s):
    return alternate(s, Figures("tokens/s", "ours at 512", layers=s.layers()), our_rate(s, "prompt", "bf16", 7264),
                     our_rate(s, "prompt", "bf16", 512))


def f16_against_bf16(kept, lossy):
    def measure(s):
        folder = s.language("f16")
        if kept or lossy:
            folder = s.kept(folder)
        extra = ["--precision", "lossy"] if lossy else []
        return alternate(s, Figures("tokens/s", "ours bf16", layers=s.layers()),
                         lambda: s.bench("prompt", "-m", folder, "--tokens", 512, *extra, unit="tokens/s")[0],
                         our_rate(s, "prompt", "bf16", 512))
    return measure


def whole(s):
    return s.folder(0 if s.a.layers >= 28 else s.a.layers, s.a.layers_vision)


def second(s):
    """Both from one session: the second question's time, and that of the first one's prompt."""
    by_unit = s.lines("second", "-m", whole(s), "-i", s.film(), key="unit")
    line, share = by_unit["s"], by_unit["% of first"]
    return Figures("s", "the first question's prompt", line["spread"], [line["value"] * 100 / share["value"]], s.layers())


def restart(s):
    """A new process with a cache folder that knows the film, to the first token, over the first one's prompt."""
    by_unit = s.lines("second", "-m", whole(s), "-i", s.film(), key="unit")
    values, _ = s.bench("first", "-m", whole(s), "-i", s.film(), "--cache", s.path("cache"), unit="s", repeat=2)
    return Figures("s", "the first question's prompt", values,
                   [by_unit["s"]["value"] * 100 / by_unit["% of first"]["value"]], s.layers())


def scores(s):
    by_unit = s.lines("score", "-m", whole(s), "-i", s.film(), key="unit")
    line, share = by_unit["s"], by_unit["short answers"]
    return Figures("s", f"one answer of {SHORT_TOKENS} tokens", line["spread"], [line["value"] / share["value"]], s.layers())


def corpus(s):
    """Reports of other phantoms than those measured, one a line."""
    def make(to):
        s.ours("synth", "phantom", "--seed", "815", "--count", "300", "-q", "-o", to + ".films")
        with open(os.path.join(to + ".films", "records.jsonl")) as f:
            records = [json.loads(line) for line in f]
        with open(to, "w") as f:
            f.writelines(r["answer"] + "\n" for r in records if r["task"] == "report")
        shutil.rmtree(to + ".films")
    return s.made("reports.txt", make)


def drafts(s):
    """Reports about phantoms of the demo model: with guesses and without, in turns within one process."""
    f = Figures("tokens/s", "without drafts", theirs=[])
    passes = []
    for film, _ in drift.phantoms(s):
        lines = s.ours("bench", "drafts", "-m", s.a.demo, "-i", film, "--drafts", corpus(s), "--json", "-q", "--repeat", "2",
                       "--threads", str(s.threads))
        by = {(x["type"], x["unit"]): x for x in lines}
        f.ours += by["drafts", "tokens/s"]["spread"]
        f.theirs += by["plain", "tokens/s"]["spread"]
        passes.append((by["drafts", "tokens/pass"]["value"], by["drafts", "passes/row"]["value"]))
    f.settings = "tokens a pass, cost of a further row: " + ", ".join(f"{a:.1f} {b:.2f}" for a, b in passes)
    return f


def opening(s):
    values, _ = s.bench("open", "-m", s.full(), unit="s", repeat=2)
    return Figures("s", "0.5 s", values, [0.5])


def memory(type, tokens, key, limit, name):
    def measure(s):
        folder = s.full()
        folder = folder if type == "f16" else s.quantised(folder, type)
        _, line = s.bench("prompt", "-m", folder, "--tokens", tokens, unit="tokens/s", repeat=1)
        return Figures("bytes", name, [line[key]], [limit])
    return measure


# ---- Text encoders beside transformers ----

def report_texts(path, n=64, entries=30000):
    """Lines as long as reports are: 20 to 140 words, most of them short."""
    r = random.Random(7)
    with open(path, "w") as f:
        for _ in range(n):
            f.write(" ".join(f"w{r.randrange(entries)}" for _ in range(20 + int(120 * r.random() ** 2))) + "\n")


def encoder(s):
    texts = s.made("encoder-texts.txt", report_texts)

    def make(path):
        w = s.torch()
        if not w.ask(do="encoder_make", out=path):
            raise Missing("the random encoder is made by transformers, which is not at hand")
        w.close()
    folder = s.made("bert-base", make, 5e8)

    def ours():
        return s.bench("encoder", "-m", folder, "--texts", texts, unit="tokens/s")[0]

    def theirs():
        w = s.torch()
        w.ask(do="encoder_load", path=folder, threads=s.threads)
        runs = [w.ask(do="encoder_run", texts=texts) for _ in range(s.a.repeat + 1)][1:]  # the first is not counted
        w.close()
        return [x["tokens"] / x["seconds"] for x in runs] if all(runs) else None
    return alternate(s, Figures("tokens/s", "transformers, padded by 64"), ours, theirs)


WORKS = [
    Work("prompt-512", "bf16", ">= 1.05", against_llama("prompt", "bf16", 512)),
    Work("prompt-7264", "bf16", ">= 1.05", against_llama("prompt", "bf16", 7264)),
    Work("prompt-512-torch", "bf16", ">= 1.15", prompt_against_torch(512)),
    Work("prompt-7264-torch", "bf16", "reported", prompt_against_torch(7264)),
    Work("prompt-512-peak", "bf16", ">= 0.85", against_peak("prompt", "bf16", 512, "bf16", "TFLOP/s")),
    Work("prompt-7264-512", "bf16", ">= 0.85", long_against_short),
    Work("prompt-q8-512", "q8", ">= 1.5", against_llama("prompt", "q8", 512)),
    Work("prompt-q8-4096", "q8", ">= 1.5", against_llama("prompt", "q8", 4096)),
    Work("prompt-q8-peak", "q8", ">= 0.7 (stretch)", against_peak("prompt", "q8", 512, "int8", "TFLOP/s")),
    Work("prompt-q4-512", "q4", ">= 1.0", against_llama("prompt", "q4", 512)),
    Work("decode-bf16", "bf16", ">= 1.0", against_llama("decode", "bf16", 32)),
    Work("decode-q8", "q8", ">= 1.0", against_llama("decode", "q8", 32)),
    Work("decode-q4", "q4", ">= 1.25", against_llama("decode", "q4", 32)),
    Work("decode-bf16-read", "bf16", ">= 0.9", against_peak("decode", "bf16", 32, "read", "GB/s")),
    Work("decode-q8-read", "q8", ">= 0.9", against_peak("decode", "q8", 32, "read", "GB/s")),
    Work("decode-q4-read", "q4", ">= 0.9", against_peak("decode", "q4", 32, "read", "GB/s")),
    Work("tower", "bf16", ">= 1.6", tower),
    Work("tower-peak", "bf16", ">= 0.85", against_peak("tower", "bf16", 0, "bf16", "TFLOP/s")),
    Work("f16-fits", "f16", ">= 0.95", f16_against_bf16(False, False)),
    Work("f16-kept", "f16", ">= 0.45", f16_against_bf16(True, False)),
    Work("f16-lossy", "f16", ">= 0.95", f16_against_bf16(True, True)),
    Work("first", "bf16", "<= 0.83", first),
    Work("second", "bf16", "< 0.02", second),
    Work("second-restart", "bf16", "< 0.02", restart),
    Work("drafts", "f16", ">= 2", drafts),
    Work("encoder", "f32", ">= 1.0", encoder),
    Work("scores", "bf16", "<= 1.5", scores),
    Work("open", "f16", "< 1", opening),
    Work("memory-7264", "f16", "<= 1", memory("f16", 7264, "peak_anon_bytes", 1.5e9, "1.5 GB beyond the mapped weights")),
    Work("memory-q4", "q4", "< 1", memory("q4", 7264, "peak_rss_bytes", 8e9, "8 GB in all")),
    *(Work(name, type, goal, drift.against(model, type, peer)) for name, type, goal, model, peer in drift.CASES),
]
