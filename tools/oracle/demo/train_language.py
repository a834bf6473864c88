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

from figures import evaluate
from model import Demo
from phantoms import texts, unpad
from text import Words, sequence
from training import CACHE, Films, Optimiser, average_gradients, log, save, start

BATCH, WARMUP = 6, 60


def batch_of(films, index, words, rng, wording):
    """Tiles, unpad cells and text of some films, every one straight or mirrored."""
    base, grid, keep, text = [], [], [], []
    for i in index:
        b, g, truth = films.get(int(i), grid=True, mirror=rng.random() < 0.5)
        base.append(b), grid.append(g), keep.append(unpad(truth.width, truth.height))
        text.append(sequence(words, texts(truth, wording)["turns"], rng))
    return torch.from_numpy(np.stack(base)), torch.from_numpy(np.stack(grid)), keep, text


def loss_of(model, words, base, grid, keep, text, frozen):
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
    parts = []
    for i, (r, (ids, learnt, br, pos)) in enumerate(zip(rows, text)):
        n = head + len(r)
        e = embed(torch.tensor(words.head + ids.tolist()))
        parts.append(torch.cat([e[:head], r.float(), e[head:], x.new_zeros(T - lengths[i], d)]))
        branch[i, :n], branch[i, n:lengths[i]] = 0, torch.from_numpy(br)
        position[i, :n], position[i, n:lengths[i]] = torch.arange(n), n + torch.from_numpy(pos)
        target = torch.from_numpy(ids)[1:]
        ok = torch.from_numpy(learnt)[1:]
        want[i, n:lengths[i] - 1][ok] = target[ok]
    x = torch.stack(parts)
    order = torch.arange(T)
    mask = (order[None, :, None] >= order[None, None, :]) & ((branch[:, None, :] == 0) | (branch[:, None, :] == branch[:, :, None]))
    h = model.hidden(x, position, mask[:, None])
    on = want >= 0
    logits = model.language_model.lm_head(h[on]).float()
    loss = F.cross_entropy(logits, want[on])
    return loss, (logits.argmax(-1) == want[on]).float().mean()


def main(out, tower, minutes):
    rank, world = start()
    torch.manual_seed(6)
    words = Words(CACHE / "words")
    model = Demo(words.rows)
    model.vision_tower.load_state_dict(torch.load(CACHE / tower, weights_only=False)["tower"])
    mine = [(n, p) for n, p in model.named_parameters() if "vision_tower" not in n]
    vision = [(n, p) for n, p in model.named_parameters() if "vision_tower" in n and "post_layernorm" not in n]
    opt, opt_vision, step, spent = Optimiser(mine, 0.02, 3e-3), Optimiser(vision, 0.005, 4e-4), 0, 0.0
    if (CACHE / out).exists():
        s = torch.load(CACHE / out, weights_only=False)
        model.load_state_dict(s["model"]), opt.load(s["opt"]), opt_vision.load(s["opt_vision"])
        step, spent = s["step"], s["spent"]
        if spent < FREEZE * minutes * 60.0:                           # not moved yet: step 1 may have gone on meanwhile
            model.vision_tower.load_state_dict(torch.load(CACHE / tower, weights_only=False)["tower"])
        log(f"resumed at step {step}", rank)
    films, val = Films(CACHE / "data"), Films(CACHE / "val")
    rng = random.Random(7000 * (step + 1) + rank)
    budget, last, mean, right = minutes * 60.0, time.time(), 0.0, 0.0
    while spent < budget:
        clock = torch.tensor([time.time() - last])
        if world > 1:
            torch.distributed.broadcast(clock, 0)
        spent, last = spent + clock.item(), time.time()
        done = min(1.0, spent / budget)
        frozen = done < FREEZE
        scale = min(1.0, (step + 1) / WARMUP) * (1.0 if done < 0.5 else max(0.02, (1.0 - done) / 0.5))
        items = batch_of(films, [rng.randrange(len(films)) for _ in range(BATCH)], words, rng, rng.randrange(1 << 30))
        with torch.autocast("cpu", torch.bfloat16):
            loss, hit = loss_of(model, words, *items, frozen)
        params = [p for _, p in (mine if frozen else mine + vision)]
        for p in params:
            p.grad = None
        loss.backward()
        average_gradients(params, world)
        torch.nn.utils.clip_grad_norm_(params, 2.0)
        opt.step(scale)
        if not frozen:
            opt_vision.step(scale)
        step += 1
        keep = 0.0 if step == 1 else 0.95
        mean, right = keep * mean + (1 - keep) * loss.item(), keep * right + (1 - keep) * hit.item()
        if step % 20 == 0:
            log(f"step {step} loss {mean:.3f} right {right:.3f} done {done:.3f} tower {'kept' if frozen else 'moves'} rate {scale:.2f}", rank)
        if (step % 200 == 0 or done >= 1.0) and rank == 0:
            save(CACHE / out, model=model.state_dict(), opt=opt.state(), opt_vision=opt_vision.state(), step=step, spent=spent)
            log("  unseen: " + evaluate(model, words, val, 60 if done < 1.0 else 300), rank)


FREEZE = 0.42

if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
