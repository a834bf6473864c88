"""Step 2: projector and decoder on the tower of step 1, on conversations about phantom films.

A sequence is one film's rows and several conversations side by side: each sees the film and itself, not the others,
and starts at the position after the film, exactly as if it stood there alone. Answers are learnt, questions given.

    RANK=0 WORLD_SIZE=2 MEET=language python train_language.py OUT.pt TOWER.pt DECODER.pt|- MINUTES     (and RANK=1)
"""
import random
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from figures import evaluate
from model import TEXT, Demo
from phantoms import targets, texts, unpad
from text import Words, sequence
from train_speakers import SAID, speakers_loss
from training import CACHE, Films, Optimiser, average_gradients, Plain, log, save, start

BATCH, WARMUP = 6, 60


class Aids(nn.Module):
    """Thrown away afterwards: within the digits of a box the decoder also says the box as four numbers (after the second and
    the last layer), and the image rows go on speaking for their structures as in step 1b. Digits alone teach order too slowly."""

    def __init__(self):
        super().__init__()
        d = TEXT["width"]
        self.norms = nn.ModuleList(nn.LayerNorm(d) for _ in range(4))
        self.middle, self.last, self.rows, self.rest = nn.Linear(d, 4), nn.Linear(d, 4), nn.Linear(d, SAID), nn.Linear(d, 1)

    def rows_loss(self, rows, about):
        return speakers_loss(self.rows(self.norms[2](rows.float())), *[torch.cat([a, a]) for a in about])[0]

    def boxes_loss(self, taps, boxes):
        on, first = boxes[..., 0] >= 0, boxes[..., 4] >= 0
        total = sum(F.smooth_l1_loss(head(norm(x[on].float())), boxes[on][:, :4], beta=0.02, reduction="sum") / (4 * on.sum()).clamp(min=1)
                    for norm, head, x in ((self.norms[0], self.middle, taps[1]), (self.norms[1], self.last, taps[-1])))
        rest = F.smooth_l1_loss(self.rest(self.norms[3](taps[-1][first].float()))[:, 0], boxes[..., 4][first], beta=0.2, reduction="sum")
        return total + 0.2 * rest / first.sum().clamp(min=1)          # the second digit is what the first one leaves over


def batch_of(films, index, words, rng, wording):
    """Tiles, unpad cells and text of some films, every one straight or mirrored."""
    base, grid, keep, text, about = [], [], [], [], []
    for i in index:
        b, g, truth = films.get(int(i), grid=True, mirror=rng.random() < 0.5)
        base.append(b), grid.append(g), keep.append(unpad(truth.width, truth.height))
        text.append(sequence(words, texts(truth, wording)["turns"], rng))
        labels, regions, boxes, n, film = targets(truth)
        about.append((labels, regions, boxes, n, np.float32(film)))
    about = [torch.from_numpy(np.stack(a)) for a in zip(*about)]
    return torch.from_numpy(np.stack(base)), torch.from_numpy(np.stack(grid)), keep, text, about


def fit_start(projector, features):
    """A projector that begins well: every direction of the tower's features with mean 0 and spread 1."""
    mean, std = features.mean((0, 1)), features.std((0, 1))
    d, D = projector.linear_1.in_features, projector.linear_1.out_features
    w = torch.randn(D, d, generator=torch.Generator().manual_seed(8)) / d**0.5 / std
    projector.linear_1.weight.data.copy_(w)
    projector.linear_1.bias.data.copy_(-w @ mean)
    projector.linear_2.weight.data.copy_(torch.randn(D, D, generator=torch.Generator().manual_seed(9)) / D**0.5)
    projector.linear_2.bias.data.zero_()


def loss_of(model, aids, words, base, grid, keep, text, about, frozen, rows_only):
    embed = model.language_model.model.embed_tokens
    with torch.set_grad_enabled(not frozen):
        features = model.vision_tower(torch.cat([base, grid]))
    rows = model.image_rows(None, None, keep, features)
    if rows_only:
        return torch.zeros(()), aids.rows_loss(model.all_rows, about), torch.zeros(())
    b, head = len(rows), len(words.head)
    lengths = [head + len(r) + len(t[0]) for r, t in zip(rows, text)]
    T, d = max(lengths), rows[0].shape[-1]
    x = torch.zeros(b, T, d)
    branch, position = torch.full((b, T), -1), torch.zeros(b, T, dtype=torch.long)
    want = torch.full((b, T), -100)
    boxes = torch.full((b, T, 5), -1.0)
    parts = []
    for i, (r, (ids, learnt, br, pos, box)) in enumerate(zip(rows, text)):
        n = head + len(r)
        e = embed(torch.tensor(words.head + ids.tolist()))
        parts.append(torch.cat([e[:head], r.float(), e[head:], x.new_zeros(T - lengths[i], d)]))
        branch[i, :n], branch[i, n:lengths[i]] = 0, torch.from_numpy(br)
        position[i, :n], position[i, n:lengths[i]] = torch.arange(n), n + torch.from_numpy(pos)
        boxes[i, n:lengths[i]] = torch.from_numpy(box)
        target = torch.from_numpy(ids)[1:]
        ok = torch.from_numpy(learnt)[1:]
        want[i, n:lengths[i] - 1][ok] = target[ok]
    x = torch.stack(parts)
    order = torch.arange(T)
    mask = (order[None, :, None] >= order[None, None, :]) & ((branch[:, None, :] == 0) | (branch[:, None, :] == branch[:, :, None]))
    taps = []
    h = model.hidden(x, position, mask[:, None], taps=taps)
    on = want >= 0
    logits = model.language_model.lm_head(h[on]).float()
    loss = F.cross_entropy(logits, want[on])
    return loss, 12.0 * aids.boxes_loss(taps, boxes) + 0.3 * aids.rows_loss(model.all_rows, about), (logits.argmax(-1) == want[on]).float().mean()


def main(out, tower, decoder, minutes):
    rank, world = start()
    torch.manual_seed(6)
    words = Words(CACHE / "words")
    model = Demo(words.rows)
    model.vision_tower.load_state_dict(torch.load(CACHE / tower, weights_only=False)["tower"])
    projector = list(model.multi_modal_projector.parameters())
    mine = [(n, p) for n, p in model.named_parameters() if "vision_tower" not in n and "projector" not in n]
    vision = [(n, p) for n, p in model.named_parameters() if "vision_tower" in n and "post_layernorm" not in n]
    aids, step, spent = Aids(), 0, 0.0
    opts = {"mine": Optimiser(mine, 0.02, 3e-3), "vision": Optimiser(vision, 0.002, 1e-4), "projector": Plain(projector, 1e-3), "aids": Plain(aids.parameters(), 3e-3)}
    if (CACHE / out).exists():
        s = torch.load(CACHE / out, weights_only=False)
        model.load_state_dict(s["model"])
        fresh = aids.load_state_dict(s["aids"], strict=False).missing_keys
        for k, o in opts.items():
            if k != "aids" or not fresh:
                o.load(s["opts"][k])
        step, spent = s["step"], s["spent"]
        log(f"resumed at step {step}", rank)
    else:
        if decoder != "-":                                             # words are known already: an earlier decoder
            old = torch.load(CACHE / decoder, weights_only=False)["model"]
            model.load_state_dict({k: v for k, v in old.items() if "vision_tower" not in k}, strict=False)
        films = Films(CACHE / "data")
        with torch.no_grad():
            fit_start(model.multi_modal_projector, model.vision_tower(torch.from_numpy(np.stack([films.get(i)[0] for i in range(40)]))))
    films, val = Films(CACHE / "data"), Films(CACHE / "val")
    rng = random.Random(7000 * (step + 1) + rank)
    budget, last, mean, aided, right = minutes * 60.0, time.time(), 0.0, 0.0, 0.0
    while spent < budget:
        clock = torch.tensor([time.time() - last])
        if world > 1:
            torch.distributed.broadcast(clock, 0)
        spent, last = spent + clock.item(), time.time()
        done = min(1.0, spent / budget)
        frozen, rows_only = done < FREEZE, step < FIT
        scale = min(1.0, ((step - FIT if step >= FIT else step) + 1) / WARMUP) * min(1.0, max(0.015, (1.0 - done) / 0.7))
        items = batch_of(films, [rng.randrange(len(films)) for _ in range(BATCH)], words, rng, rng.randrange(1 << 30))
        with torch.autocast("cpu", torch.bfloat16):
            loss, aid, hit = loss_of(model, aids, words, *items, frozen, rows_only)
        moved = ["projector", "aids"] + ([] if rows_only else ["mine"]) + ([] if frozen else ["vision"])
        params = [p for k in moved for p in opts[k].params]
        for p in params:
            p.grad = None
        (2.0 * loss + 0.5 * aid).backward()
        average_gradients(params, world)
        torch.nn.utils.clip_grad_norm_(params, 5.0)
        for k in moved:
            opts[k].step(scale)
        step += 1
        keep = 0.0 if step == 1 else 0.95
        mean, aided, right = (keep * a + (1 - keep) * b.item() for a, b in ((mean, loss), (aided, aid), (right, hit)))
        if step % 20 == 0:
            log(f"step {step} loss {mean:.3f} aids {aided:.3f} right {right:.3f} done {done:.3f} tower {'kept' if frozen else 'moves'} rate {scale:.2f}", rank)
        if (step % 200 == 0 or done >= 1.0) and rank == 0:
            save(CACHE / out, model=model.state_dict(), aids=aids.state_dict(), opts={k: o.state() for k, o in opts.items()}, step=step, spent=spent)
            log("  unseen: " + evaluate(model, words, val, 40), rank)


FREEZE, FIT = 0.8, 200             # share of the time the tower is kept; first steps, of the projector alone

if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]))
