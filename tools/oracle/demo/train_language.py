"""Step 2: projector and decoder on the tower of step 1, on conversations about phantom films.

A sequence is one film's rows and several conversations side by side: each sees the film and itself, not the others,
and starts at the position after the film, exactly as if it stood there alone. Answers are learnt, questions given.

    RANK=0 WORLD_SIZE=2 MEET=language python train_language.py OUT.pt TOWER.pt MINUTES     (and RANK=1)
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
from train_tower import N_GLOBAL, global_loss
from training import CACHE, Films, Optimiser, average_gradients, log, save, start

BATCH, WARMUP = 6, 60


class Aids(nn.Module):
    """Thrown away afterwards: within the digits of a box the decoder also says the box as four numbers (after the second and
    the last layer), and the image rows go on saying labels and boxes as in step 1. Digits alone teach order too slowly."""

    def __init__(self):
        super().__init__()
        d = TEXT["width"]
        self.norms = nn.ModuleList(nn.LayerNorm(d) for _ in range(3))
        self.middle, self.last, self.rows = nn.Linear(d, 4), nn.Linear(d, 4), nn.Linear(d, N_GLOBAL)

    def loss(self, taps, boxes, rows, truth):
        on = boxes[..., 0] >= 0
        total = 0.0
        for norm, head, x in ((self.norms[0], self.middle, taps[1]), (self.norms[1], self.last, taps[-1])):
            total = total + F.smooth_l1_loss(head(norm(x[on].float())), boxes[on], beta=0.02)
        return 12.0 * total + 0.3 * global_loss(self.rows(self.norms[2](rows.float())), *truth)


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


def loss_of(model, aids, words, base, grid, keep, text, about, frozen):
    embed = model.language_model.model.embed_tokens
    if frozen:
        with torch.no_grad():
            features = model.vision_tower(torch.cat([base, grid]))
        rows = model.image_rows(None, None, keep, features)
    else:
        rows = model.image_rows(base, grid, keep)
    b, head = len(rows), len(words.head)
    lengths = [head + len(r) + len(t[0]) for r, t in zip(rows, text)]
    T, d = max(lengths), rows[0].shape[-1]
    x = torch.zeros(b, T, d)
    branch, position = torch.full((b, T), -1), torch.zeros(b, T, dtype=torch.long)
    want = torch.full((b, T), -100)
    boxes = torch.full((b, T, 4), -1.0)
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
    return loss, aids.loss(taps, boxes, model.base_rows, about), (logits.argmax(-1) == want[on]).float().mean()


def main(out, tower, minutes):
    rank, world = start()
    torch.manual_seed(6)
    words = Words(CACHE / "words")
    model = Demo(words.rows)
    model.vision_tower.load_state_dict(torch.load(CACHE / tower, weights_only=False)["tower"])
    mine = [(n, p) for n, p in model.named_parameters() if "vision_tower" not in n]
    vision = [(n, p) for n, p in model.named_parameters() if "vision_tower" in n and "post_layernorm" not in n]
    opt, opt_vision, step, spent = Optimiser(mine, 0.02, 3e-3), Optimiser(vision, 0.005, 4e-4), 0, 0.0
    aids = Aids()
    opt_aids = torch.optim.AdamW(aids.parameters(), lr=3e-3, betas=(0.9, 0.98), weight_decay=0.0)
    if (CACHE / out).exists():
        s = torch.load(CACHE / out, weights_only=False)
        model.load_state_dict(s["model"]), opt.load(s["opt"]), opt_vision.load(s["opt_vision"])
        step, spent = s["step"], s["spent"]
        if "aids" in s:
            aids.load_state_dict(s["aids"]), opt_aids.load_state_dict(s["opt_aids"])
        if spent < FREEZE * minutes * 60.0:                           # not moved yet: step 1 may have gone on meanwhile
            model.vision_tower.load_state_dict(torch.load(CACHE / tower, weights_only=False)["tower"])
        log(f"resumed at step {step}", rank)
    held = None
    if (CACHE / "projector.pt").exists():                              # fitted alone (fit_projector.py): stays as it is
        model.multi_modal_projector.load_state_dict(torch.load(CACHE / "projector.pt")["projector"])
        held = [(p, p.detach().clone()) for p in model.multi_modal_projector.parameters()]
    films, val = Films(CACHE / "data"), Films(CACHE / "val")
    rng = random.Random(7000 * (step + 1) + rank)
    budget, last, mean, aided, right = minutes * 60.0, time.time(), 0.0, 0.0, 0.0
    while spent < budget:
        clock = torch.tensor([time.time() - last])
        if world > 1:
            torch.distributed.broadcast(clock, 0)
        spent, last = spent + clock.item(), time.time()
        done = min(1.0, spent / budget)
        frozen = done < FREEZE
        scale = min(1.0, (step + 1) / WARMUP) * min(0.7, max(0.015, (1.0 - done) / 0.4))
        items = batch_of(films, [rng.randrange(len(films)) for _ in range(BATCH)], words, rng, rng.randrange(1 << 30))
        with torch.autocast("cpu", torch.bfloat16):
            loss, aid, hit = loss_of(model, aids, words, *items, frozen)
        params = [p for _, p in (mine if frozen else mine + vision)] + list(aids.parameters())
        for p in params:
            p.grad = None
        (2.0 * loss + 0.5 * aid).backward()
        average_gradients(params, world)
        torch.nn.utils.clip_grad_norm_(params, 5.0)
        opt.step(scale)
        for p, fixed in held or []:
            p.data.copy_(fixed)
        for g in opt_aids.param_groups:
            g["lr"] = 3e-3 * scale
        opt_aids.step()
        if not frozen:
            opt_vision.step(scale)
        step += 1
        keep = 0.0 if step == 1 else 0.95
        mean, aided, right = (keep * a + (1 - keep) * b.item() for a, b in ((mean, loss), (aided, aid), (right, hit)))
        if step % 20 == 0:
            log(f"step {step} loss {mean:.3f} aids {aided:.3f} right {right:.3f} done {done:.3f} tower {'kept' if frozen else 'moves'} rate {scale:.2f}", rank)
        if (step % 200 == 0 or done >= 1.0) and rank == 0:
            save(CACHE / out, model=model.state_dict(), aids=aids.state_dict(), opt_aids=opt_aids.state_dict(), opt=opt.state(), opt_vision=opt_vision.state(), step=step, spent=spent)
            log("  unseen: " + evaluate(model, words, val, 40), rank)


FREEZE = 1.1

if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
