"""Scores synthetic report pairs and boxes with thorax and with the Python originals, by turns.

Both sides are whole commands: start of the process, imports, reading the same file, scoring, printing the value. A line
of one work has a process a side; the line "all" has one process a side for all works and both files. One JSON object a
line:
    {"work","type","ours","peer","theirs","unit","ratio","goal","limit","spread","calls"}
ratio = theirs / ours, medians; limit is what ours may take, in seconds; spread the smallest and largest of ours and of
theirs; calls the seconds of their scoring calls alone. The last line is ours with intervals of 1,000 resamples, which
the originals have no match for. Values of both sides are compared. A work whose package is missing is left out and
named on standard error.
"""
import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

WORKS = {  # name: (metric of ours, its figure, packages of theirs)
    "rouge": ("rouge-stem", "rougeL", "rouge_score"),
    "bleu-sacrebleu": ("bleu", "bleu4", "sacrebleu"),
    "bleu-coco": ("bleu-coco", "bleu4", "pycocoevalcap"),
    "cider": ("cider", "ciderd", "pycocoevalcap"),
    "boxes": ("boxes", "map50", "RadVLM's rule in Python"),
    "coco": ("coco", "coco_ap50", "pycocotools"),
}
GOAL, LIMIT = 20, 2.0
WORDS = ("the lungs are clear without focal consolidation pleural effusion or pneumothorax heart size is normal mildly enlarged "
         "mediastinal contours unremarkable there is a small moderate left right lower lobe opacity atelectasis edema "
         "interstitial markings tube tip terminates above carina no acute osseous abnormality stable compared prior").split()


def sentence(rng):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(5, 14))).capitalize() + "."


def change(rng, text):
    words = [w if rng.random() > 0.25 else rng.choice(WORDS) for w in text.split()]
    return " ".join(w for w in words if rng.random() > 0.05)


def box(rng):
    x, y, w, h = rng.uniform(0, 0.6), rng.uniform(0, 0.6), rng.uniform(0.1, 0.4), rng.uniform(0.1, 0.4)
    return [round(v, 2) for v in (x, y, x + w, y + h)]


def make(n, seed):
    """Texts and boxes of n records: references of two to seven sentences, predictions that are changed ones."""
    rng = random.Random(seed)
    records = []
    for i in range(n):
        reference = " ".join(sentence(rng) for _ in range(rng.randint(2, 7)))
        boxes = [box(rng) for _ in range(rng.randint(1, 3))]
        found = [[round(v + rng.uniform(-0.05, 0.05), 2) for v in b] for b in boxes if rng.random() > 0.2]
        records.append({"id": i, "prediction": change(rng, reference), "reference": reference, "boxes": boxes, "found": found})
    return records


def write_files(folder, records):
    """Reports and boxes in two files, as thorax reads them."""
    paths = os.path.join(folder, "reports.jsonl"), os.path.join(folder, "boxes.jsonl")
    with open(paths[0], "w") as out:
        for r in records:
            out.write(json.dumps({k: r[k] for k in ("id", "prediction", "reference")}) + "\n")
    with open(paths[1], "w") as out:
        for r in records:
            text = " and ".join("[%s, %s, %s, %s]" % tuple(max(0.0, v) for v in b) for b in r["found"])
            out.write(json.dumps({"id": r["id"], "task": "ground", "phrase": "opacity", "prediction": text, "boxes": r["boxes"]}) + "\n")
    return paths


# ---- Theirs: a function of the records of a file gives the scoring call -----


def read(path):
    with open(path) as lines:
        return [json.loads(line) for line in lines]


def peer_rouge(records):
    from rouge_score import rouge_scorer
    scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)

    def run():
        scores = [scorer.score(r["reference"], r["prediction"]) for r in records]
        return sum(s["rougeL"].fmeasure for s in scores) / len(scores)
    return run


def peer_sacrebleu(records):
    import sacrebleu
    predictions, references = [r["prediction"] for r in records], [[r["reference"] for r in records]]

    def run():
        four = sacrebleu.metrics.BLEU(max_ngram_order=4).corpus_score(predictions, references).score
        sacrebleu.metrics.BLEU(max_ngram_order=1).corpus_score(predictions, references)
        return four
    return run


def coco_texts(records):
    return {i: [r["reference"]] for i, r in enumerate(records)}, {i: [r["prediction"]] for i, r in enumerate(records)}


def peer_bleu_coco(records):
    from pycocoevalcap.bleu.bleu import Bleu
    references, predictions = coco_texts(records)
    return lambda: Bleu(4).compute_score(references, predictions, verbose=0)[0][3]


def peer_cider(records):
    from pycocoevalcap.cider.cider import Cider
    references, predictions = coco_texts(records)
    return lambda: float(Cider().compute_score(references, predictions)[0])


def iou(a, b):
    w, h = max(0, min(a[2], b[2]) - max(a[0], b[0])), max(0, min(a[3], b[3]) - max(a[1], b[1]))
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h)


def average_precision(found, boxes):
    """RadVLM's rule for one answer: best reference each, in the order of the text."""
    import numpy
    if not found or not boxes:
        return 0.0
    taken, hits = set(), []
    for f in found:
        ious = [iou(f, b) for b in boxes]
        best = int(numpy.argmax(ious))
        hits.append(ious[best] >= 0.5 and best not in taken)
        if hits[-1]:
            taken.add(best)
    tp = numpy.cumsum(hits)
    recall = numpy.concatenate(([0.0], tp / len(boxes), [1.0]))
    precision = numpy.concatenate(([0.0], tp / numpy.arange(1, len(hits) + 1), [0.0]))
    precision = numpy.maximum.accumulate(precision[::-1])[::-1]
    return float(numpy.sum(numpy.diff(recall) * precision[1:]))


PATTERN = r"\[([\d.]+),\s*([\d.]+),\s*([\d.]+),\s*([\d.]+)\]"


def boxes_of(records):
    """The boxes in the texts."""
    import re
    pattern = re.compile(PATTERN)
    return [[[float(v) for v in m] for m in pattern.findall(r["prediction"])] for r in records]


def peer_boxes(records):
    import numpy  # noqa: F401 (imports are no part of the call)

    def run():
        scores = [average_precision(found, r["boxes"]) for found, r in zip(boxes_of(records), records)]
        return sum(scores) / len(scores)
    return run


def peer_coco(records):
    import contextlib
    import io
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def xywh(b):
        return [b[0], b[1], b[2] - b[0], b[3] - b[1]]
    truth = {"images": [{"id": r["id"]} for r in records], "categories": [{"id": 1, "name": "opacity"}], "annotations": [
        {"id": 10 * r["id"] + k + 1, "image_id": r["id"], "category_id": 1, "bbox": xywh(b), "area": 1.0, "iscrowd": 0}
        for r in records for k, b in enumerate(r["boxes"])]}

    def run():
        found = [{"image_id": r["id"], "category_id": 1, "bbox": xywh(b), "score": 1.0}
                 for r, boxes in zip(records, boxes_of(records)) for b in boxes]
        with contextlib.redirect_stdout(io.StringIO()):
            coco = COCO()
            coco.dataset = truth
            coco.createIndex()
            e = COCOeval(coco, coco.loadRes(found), "bbox")
            e.evaluate()
            e.accumulate()
        return float(e.eval["precision"][0, :, 0, 0, 2].mean())
    return run


PEERS = {"rouge": peer_rouge, "bleu-sacrebleu": peer_sacrebleu, "bleu-coco": peer_bleu_coco, "cider": peer_cider, "boxes": peer_boxes,
         "coco": peer_coco}


def of_boxes(work):
    return work in ("boxes", "coco")


def be_peer(works, paths):
    """The whole command of a peer: {"values": {work: value}, "seconds": of the calls} or {"missing": text}."""
    records, values, seconds = {}, {}, 0.0
    try:
        for work in works:
            path = paths[of_boxes(work)]
            if path not in records:
                records[path] = read(path)
            run = PEERS[work](records[path])
            begin = time.perf_counter()
            values[work] = run()
            seconds += time.perf_counter() - begin
    except ImportError as e:
        return print(json.dumps({"missing": str(e)}))
    print(json.dumps({"values": values, "seconds": seconds}))


# ---- By turns ----------------------------------------------------------------


def timed(command):
    begin = time.perf_counter()
    out = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return time.perf_counter() - begin, json.loads(out)


def files_of(works, paths):
    return [paths[kind] for kind in (False, True) if any(of_boxes(w) == kind for w in works)]


def ours(args, works, paths, resamples):
    """Seconds and values of a work of each."""
    command = [args.program, "eval", "score", *files_of(works, paths), "--metric", ",".join(WORKS[w][0] for w in works),
               "--resamples", str(resamples), "--json", "-q"]
    seconds, result = timed(command)
    figures = {(f["metric"], f["name"]): f["value"] for f in result["figures"]}
    return seconds, {w: figures[WORKS[w][:2]] for w in works}


def theirs(args, works, paths):
    return timed([args.python, os.path.abspath(__file__), *works, "--peer", *paths])


def compare(works, mine, peer):
    for w in works:
        if abs(mine[w] - peer[w]) > 1e-9 * max(1.0, abs(peer[w])):
            print(f"bench/eval: {w}: ours is {mine[w]}, theirs {peer[w]}", file=sys.stderr)


def spread(values):
    return [round(min(values), 4), round(max(values), 4)]


def line(work, kind, mine, peer, others, calls, limit=None):
    m, t = statistics.median(mine), statistics.median(others) if others else None
    print(json.dumps({"work": work, "type": kind, "ours": round(m, 4), "peer": peer, "theirs": t and round(t, 4), "unit": "s",
                      "ratio": t and round(t / m, 2), "goal": GOAL if others else None, "limit": limit,
                      "spread": [spread(mine), spread(others) if others else None],
                      "calls": round(statistics.median(calls), 4) if calls else None}), flush=True)


def measure(args, name, works, paths, limit=None):
    """One line: ours, theirs, ours, theirs, and a turn before that does not count. False: a package is missing."""
    mine, others, calls = [], [], []
    for turn in range(args.repeat + 1):
        a, values = ours(args, works, paths, 0)
        b, answer = theirs(args, works, paths)
        if "missing" in answer:
            print(f"bench/eval: {name}: {answer['missing']}", file=sys.stderr)
            return False
        if not turn:
            compare(works, values, answer["values"])
            continue
        mine.append(a)
        others.append(b)
        calls.append(answer["seconds"])
    line(name, "figures", mine, WORKS[name][2] if name in WORKS else "all of them", others, calls, limit)
    return True


def intervals(args, works, paths):
    mine = [ours(args, works, paths, 1000)[0] for _ in range(args.repeat + 1)][1:]
    line("all", "with intervals", mine, None, [], [], LIMIT)


def main():
    parser = argparse.ArgumentParser(prog="bench/eval", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", nargs="*", default=list(WORKS), help="of " + ", ".join(WORKS))
    parser.add_argument("--python", default=sys.executable, help="that has the packages")
    parser.add_argument("--program", default=os.environ.get("THORAX_PROGRAM", "thorax"))
    parser.add_argument("--pairs", type=int, default=3314)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--keep", metavar="DIR", help="write the two files there and stop")
    parser.add_argument("--peer", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if any(w not in WORKS for w in args.work):
        parser.error("unknown work")
    if args.peer:
        return be_peer(args.work, args.peer)
    if args.keep:
        return write_files(args.keep, make(args.pairs, args.seed))
    with tempfile.TemporaryDirectory() as folder:
        paths = write_files(folder, make(args.pairs, args.seed))
        done = [w for w in args.work if measure(args, w, [w], paths)]
        if len(done) > 1:
            measure(args, "all", done, paths, LIMIT)
        intervals(args, done or args.work, paths)


if __name__ == "__main__":
    main()
