"""Greedy answers of the demo model in plain PyTorch, and what they are worth against the truth."""
import re

import numpy as np
import torch

from phantoms import LABELS, REGIONS, mirrored, texts, unpad

BOX = re.compile(r"\[\s*([\d.]+),\s*([\d.]+),\s*([\d.]+),\s*([\d.]+)\s*\]")
QUESTIONS = dict(report="Provide a radiology report for this Chest X-Ray.", classify="Are there any abnormalities on this Chest X-ray?",
                 ground="Where is the {} located in this Chest X-ray?", check="Is there evidence of {} in this Chest X-Ray?")


@torch.no_grad()
def answers(model, words, base, grid, keep, questions, limit=110, autocast=True):
    """One film, several first questions: their greedy answers."""
    embed, head = model.language_model.model.embed_tokens, words.head
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        rows = model.image_rows(base[None], grid[None], [keep])[0]
        prefix = torch.cat([embed(torch.tensor(head)), rows.float()])[None]
        n, B = prefix.shape[1], len(questions)
        caches = [[] for _ in model.language_model.model.layers]
        tri = torch.ones(n, n, dtype=torch.bool).tril()
        model.hidden(prefix, torch.arange(n)[None], tri[None, None], caches)
        caches = [[a.expand(B, -1, -1, -1) for a in c] for c in caches]
        ids = [words.turn(q, None, True)[0] for q in questions]
        L = max(map(len, ids))
        pad = torch.tensor([L - len(i) for i in ids])
        x = torch.tensor([[words.bos] * (L - len(i)) + i for i in ids])
        position = (n + torch.arange(L)[None] - pad[:, None]).clamp(min=0)
        real = torch.arange(L)[None] >= pad[:, None]                       # [B, L]
        mask = torch.cat([torch.ones(B, L, n, dtype=torch.bool), (torch.ones(L, L, dtype=torch.bool).tril()[None] & real[:, None])], -1)
        out, alive = [[] for _ in ids], [True] * B
        for _ in range(limit):
            h = model.hidden(embed(x), position, mask[:, None], caches)
            best = model.language_model.lm_head(h[:, -1]).float().argmax(-1)
            for i, t in enumerate(best.tolist()):
                alive[i] = alive[i] and t != words.end
                if alive[i]:
                    out[i].append(t)
            if not any(alive):
                break
            x, position = best[:, None], position[:, -1:] + 1
            mask = torch.cat([mask[:, -1:], torch.ones(B, 1, 1, dtype=torch.bool)], -1)
    return [words.t.decode(o) for o in out]


def boxes_in(text):
    out = []
    for m in BOX.findall(text):
        try:
            out.append([float(v) for v in m])
        except ValueError:
            pass
    return out


def overlap(a, b):
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h)


def matched(got, want):
    """Mean over the true boxes, each with the best box still free (pairs by falling overlap)."""
    pairs = sorted(((overlap(g, w), i, k) for i, g in enumerate(got) for k, w in enumerate(want)), reverse=True)
    used, total = set(), 0.0
    for v, i, k in pairs:
        if ("g", i) not in used and ("w", k) not in used:
            used |= {("g", i), ("w", k)}
            total += v
    return total / len(want)


def said(text):
    """Findings a text states, by our own reading: sentences that begin with or contain a "no" deny."""
    out = np.zeros(8, bool)
    for sentence in re.split(r"(?<=[.])\s", text.lower()):
        if re.search(r"\bno\b|\bnot\b|\bnormal\b", sentence):
            continue
        for k, name in enumerate(LABELS):
            out[k] |= name.lower() in sentence
    return out


def evaluate(model, words, films, count):
    """A line of figures on the first `count` films."""
    model.eval()
    true, classes, reports, region, finding, mirror, other, noise = [], [], [], [], [], [], [], []
    for i in range(count):
        base, grid, truth = (torch.from_numpy(np.array(a)) if isinstance(a, np.ndarray) else a for a in films.get(i, grid=True))
        keep, about = unpad(truth.width, truth.height), texts(truth)
        if not about["film"]:
            noise += ["not a chest" in a for a in answers(model, words, base, grid, keep, [QUESTIONS["report"], QUESTIONS["classify"]])]
            continue
        there = [n for n in LABELS if n in about["labels"]]
        q = [QUESTIONS["report"], QUESTIONS["classify"]] + [QUESTIONS["ground"].format(r) for r in REGIONS + [n.lower() for n in there]]
        a = answers(model, words, base, grid, keep, q)
        t = np.array([n in about["labels"] for n in LABELS])
        true.append(t), reports.append(said(a[0])), classes.append(said(a[1]))
        got = [boxes_in(x) for x in a[2:]]
        region += [matched(g, [r["box"]]) for g, r in zip(got, about["regions"])]
        finding += [matched(g, [b["box"] for b in about["boxes"] if b["label"] == n]) for g, n in zip(got[6:], there)]
        if i % 5 == 0:
            m = answers(model, words, base.flip(-1), grid.flip(-1), (keep[0], keep[1], keep[2], keep[3]), q[2:8])
            flipped = [[[1 - b[2], b[1], 1 - b[0], b[3]] for b in boxes_in(x)] for x in m]
            mirror += [matched(flipped[k], got[j][:1]) for j, k in enumerate((1, 0, 2, 3, 5, 4)) if got[j]]
    model.train()
    true, classes, reports = map(np.array, (true, classes, reports))
    per = 2 * (classes & true).sum(0) / np.maximum(1, classes.sum(0) + true.sum(0))
    return (f"macro-F1 {per.mean():.3f} anatomy {np.mean(region):.3f} findings {np.mean(finding):.3f} report {np.mean(reports == true):.3f} "
            f"agree {np.mean(reports == classes):.3f} mirrored {np.mean(mirror):.3f} no film {np.mean(noise or [0]):.2f}  " + " ".join(f"{v:.2f}" for v in per))
