"""Scores synthetic report pairs and boxes with thorax and with the Python originals, by turns.

Ours is the whole process: reading the file, scoring, printing, and for the last line intervals too. Theirs is the
scoring call alone, without imports and without reading. One JSON object a line:
    {"work","type","ours","peer","theirs","unit","ratio","goal"}      ratio = theirs / ours
A work whose package is missing is left out and named on standard error.
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

WORKS = {  # name: (metrics of ours, packages of theirs)
    "rouge": ("rouge-stem", "rouge_score"),
    "bleu-sacrebleu": ("bleu", "sacrebleu"),
    "bleu-coco": ("bleu-coco", "pycocoevalcap"),
    "cider": ("cider", "pycocoevalcap"),
    "boxes": ("boxes", "RadVLM's rule in Python"),
    "coco": ("coco", "pycocotools"),
}
GOAL = 20
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


# ---- Theirs, in a process of their own --------------------------------------


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


def peer_boxes(records):
    import re
    pattern = re.compile(r"\[([\d.]+),\s*([\d.]+),\s*([\d.]+),\s*([\d.]+)\]")
    texts = [" and ".join("[%s, %s, %s, %s]" % tuple(max(0.0, v) for v in b) for b in r["found"]) for r in records]

    def run():
        scores = [average_precision([[float(v) for v in m] for m in pattern.findall(t)], r["boxes"]) for t, r in zip(texts, records)]
        return sum(scores) / len(scores)
    return run


def peer_coco(records):
    import contextlib
    import io
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def xywh(b):
        b = [max(0.0, v) for v in b]
        return [b[0], b[1], b[2] - b[0], b[3] - b[1]]
    truth = {"images": [{"id": r["id"]} for r in records], "categories": [{"id": 1, "name": "opacity"}], "annotations": [
        {"id": 10 * r["id"] + k + 1, "image_id": r["id"], "category_id": 1, "bbox": xywh(b), "area": 1.0, "iscrowd": 0}
        for r in records for k, b in enumerate(r["boxes"])]}
    found = [{"image_id": r["id"], "category_id": 1, "bbox": xywh(b), "score": 1.0} for r in records for b in r["found"]]

    def run():
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


def serve(n, seed):
    """Runs a work for each line of standard input and answers with seconds and value."""
    records, ready = make(n, seed), {}
    for line in sys.stdin:
        work = line.strip()
        try:
            run = ready.setdefault(work, None) or PEERS[work](records)
            ready[work] = run
            begin = time.perf_counter()
            value = run()
            answer = {"seconds": time.perf_counter() - begin, "value": value}
        except ImportError as e:
            answer = {"missing": str(e)}
        print(json.dumps(answer), flush=True)


# ---- By turns ----------------------------------------------------------------


def ours(program, path, metrics, resamples):
    command = [program, "eval", "score", path, "--metric", metrics, "--resamples", str(resamples), "--json", "-q"]
    begin = time.perf_counter()
    out = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return time.perf_counter() - begin, json.loads(out)


def ask(peer, work):
    peer.stdin.write(work + "\n")
    peer.stdin.flush()
    return json.loads(peer.stdout.readline())


def line(work, kind, mine, peer, theirs):
    m, t = statistics.median(mine), statistics.median(theirs) if theirs else None
    print(json.dumps({"work": work, "type": kind, "ours": round(m, 4), "peer": peer, "theirs": t and round(t, 4), "unit": "s",
                      "ratio": t and round(t / m, 2), "goal": GOAL if theirs else None}), flush=True)


def measure(args, paths, peer):
    mine, theirs = {w: [] for w in args.work}, {w: [] for w in args.work}
    for _ in range(args.repeat):
        for work in args.work:
            path = paths[work in ("boxes", "coco")]
            answer = ask(peer, work)
            if "missing" in answer:
                print(f"bench/eval: {work}: {answer['missing']}", file=sys.stderr)
                continue
            theirs[work].append(answer["seconds"])
            mine[work].append(ours(args.program, path, WORKS[work][0], 0)[0])
    done = [w for w in args.work if theirs[w]]
    for work in done:
        line(work, "figures", mine[work], WORKS[work][1], theirs[work])
    return [sum(theirs[w][i] for w in done) for i in range(min((len(theirs[w]) for w in done), default=0))]


def everything(args, paths, theirs):
    """All metrics of both files, without and with intervals."""
    for kind, resamples in (("figures", 0), ("with intervals", 1000)):
        mine = []
        for _ in range(args.repeat):
            reports = ours(args.program, paths[0], "rouge-stem,bleu,bleu-coco,cider", resamples)[0]
            mine.append(reports + ours(args.program, paths[1], "boxes,coco", resamples)[0])
        line("all", kind, mine, "all of them", theirs if kind == "figures" else [])


def main():
    parser = argparse.ArgumentParser(prog="bench/eval", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", nargs="*", default=list(WORKS), help="of " + ", ".join(WORKS))
    parser.add_argument("--python", default=sys.executable, help="that has the packages")
    parser.add_argument("--program", default=os.environ.get("THORAX_PROGRAM", "thorax"))
    parser.add_argument("--pairs", type=int, default=3314)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        return serve(args.pairs, args.seed)
    if any(w not in WORKS for w in args.work):
        parser.error("unknown work")
    command = [args.python, os.path.abspath(__file__), "--serve", "--pairs", str(args.pairs), "--seed", str(args.seed)]
    with tempfile.TemporaryDirectory() as folder:
        paths = write_files(folder, make(args.pairs, args.seed))
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as peer:
            theirs = measure(args, paths, peer)
            peer.stdin.close()
        everything(args, paths, theirs)


if __name__ == "__main__":
    main()
