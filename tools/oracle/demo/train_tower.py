"""Step 1: the vision tower alone, with heads that are thrown away afterwards.

Every patch answers for itself (which structures' boxes it lies in) and for the film (labels and boxes), so that
whatever the language model attends to knows the whole; the mean of the patches answers for the film once more.

    RANK=0 WORLD_SIZE=2 MEET=tower python train_tower.py OUT.pt MINUTES     (and RANK=1)
"""
import math
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from model import VISION, Tower
from phantoms import CELLS, targets
from training import CACHE, Films, Optimiser, average_gradients, f1, iou, log, save, start

BATCH, WARMUP = 20, 60
N_GLOBAL = 8 + 1 + 8 + 24 + 64         # labels, film or not, second box, region boxes, finding boxes


class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        d = VISION["width"]
        self.norm, self.whole, self.each, self.inside = nn.LayerNorm(d), nn.Linear(d, N_GLOBAL), nn.Linear(d, N_GLOBAL), nn.Linear(d, 14)
        for m in (self.whole, self.each, self.inside):
            nn.init.normal_(m.weight, std=0.02)
            nn.init.zeros_(m.bias)

    def forward(self, x):
        y = self.norm(x.float())
        return self.whole(y.mean(1)), self.each(y), self.inside(y)


def batch_of(films, index, rng=None):
    items = [films.get(int(i), mirror=rng is not None and rng.random() < 0.5) for i in index]
    t = [targets(x[2]) for x in items]
    tiles = torch.from_numpy(np.stack([x[0] for x in items]))
    labels, regions, boxes, n, film = (torch.from_numpy(np.stack(a)) for a in zip(*[(a, b, c, d, np.float32(e)) for a, b, c, d, e in t]))
    return tiles, labels, regions, boxes, n, film


def global_loss(out, labels, regions, boxes, n, film):
    """out [..., N_GLOBAL] against targets broadcast over the middle dimension."""
    if out.ndim == 3:
        labels, regions, boxes, n, film = (a.unsqueeze(1).expand(-1, out.shape[1], *a.shape[1:]) for a in (labels, regions, boxes, n, film))
    cls = F.binary_cross_entropy_with_logits(out[..., :8], labels) + 0.3 * F.binary_cross_entropy_with_logits(out[..., 8], film)
    two = F.binary_cross_entropy_with_logits(out[..., 9:17], (n == 2).float(), reduction="none")[n > 0].mean()
    r, b = out[..., 17:41].unflatten(-1, (6, 4)), out[..., 41:].unflatten(-1, (8, 2, 4))
    on = film > 0.5
    reg = (F.smooth_l1_loss(r[on], regions[on], beta=0.02) + 0.2 * (1 - iou(r[on], regions[on])).mean())
    some = torch.stack([n > 0, n > 1], -1)
    fin = (F.smooth_l1_loss(b[some], boxes[some], beta=0.02) + 0.2 * (1 - iou(b[some], boxes[some])).mean())
    return 3.0 * cls + 0.2 * two + 5.0 * reg + 5.0 * fin


def inside_loss(logits, regions, boxes, n, film):
    """Which boxes the middle of each patch lies in."""
    c = (torch.arange(CELLS).float() + 0.5) / CELLS
    y, x = torch.meshgrid(c, c, indexing="ij")
    x, y = x.flatten()[None, :, None], y.flatten()[None, :, None]

    def within(b):                                                # [B, K, 4] -> [B, P, K]
        b = b[:, None]
        return (x > b[..., 0]) & (x < b[..., 2]) & (y > b[..., 1]) & (y < b[..., 3])

    finding = (within(boxes[:, :, 0]) & (n > 0)[:, None]) | (within(boxes[:, :, 1]) & (n > 1)[:, None])
    want = torch.cat([within(regions) & (film > 0.5)[:, None, None], finding], -1).float()
    weight = torch.ones(14)
    weight[6:] = 6.0                                                # what is rare counts more where it is
    return F.binary_cross_entropy_with_logits(logits, want, pos_weight=weight)


def evaluate(tower, heads, films, count=300):
    tower.eval()
    hit, scores, true, region, finding = [], [], [], [], []
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for at in range(0, count, 60):
            tiles, labels, regions, boxes, n, film = batch_of(films, range(at, at + 60))
            out = heads(tower(tiles))[0].float()
            on = film > 0.5
            scores.append(out[on, :8]), true.append(labels[on])
            region.append(iou(out[on, 17:41].unflatten(-1, (6, 4)), regions[on]))
            some = torch.stack([n > 0, n > 1], -1)
            finding.append(iou(out[:, 41:].unflatten(-1, (8, 2, 4)), boxes)[some])
    tower.train()
    per = f1(torch.cat(scores) > 0, torch.cat(true) > 0.5)
    return per.mean().item(), per, torch.cat(region).mean().item(), torch.cat(finding).mean().item()


def main(out, minutes):
    rank, world = start()
    torch.manual_seed(5)
    tower, heads = Tower(), Heads()
    for m in tower.modules():
        if isinstance(m, (nn.Linear, nn.Embedding, nn.Conv2d)):
            nn.init.normal_(m.weight, std=0.02)
            if getattr(m, "bias", None) is not None:
                nn.init.zeros_(m.bias)
    named = [("tower." + k, p) for k, p in tower.named_parameters() if "post_layernorm" not in k] + [("heads." + k, p) for k, p in heads.named_parameters()]
    params = [p for _, p in named]
    opt, step, spent = Optimiser(named, 0.02, 1.5e-3), 0, 0.0
    if (CACHE / out).exists():
        s = torch.load(CACHE / out, weights_only=False)
        tower.load_state_dict(s["tower"]), heads.load_state_dict(s["heads"]), opt.load(s["opt"])
        step, spent = s["step"], s["spent"]
        log(f"resumed at step {step}", rank)
    films, val = Films(CACHE / "data"), Films(CACHE / "val")
    rng = np.random.default_rng(1000 * (step + 1) + rank)
    budget, last, mean = minutes * 60.0, time.time(), 0.0
    while spent < budget:
        if step % 25 == 0:
            films.refresh()
        clock = torch.tensor([time.time() - last])
        if world > 1:
            torch.distributed.broadcast(clock, 0)
        spent, last = spent + clock.item(), time.time()
        done = min(1.0, spent / budget)
        scale = min(1.0, (step + 1) / WARMUP) * (1.0 if done < 0.4 else max(0.02, (1.0 - done) / 0.6))
        tiles, labels, regions, boxes, n, film = batch_of(films, rng.integers(0, len(films), BATCH), rng)
        with torch.autocast("cpu", torch.bfloat16):
            x = tower(tiles)
        whole, each, inside = heads(x)
        loss = global_loss(whole, labels, regions, boxes, n, film) + 0.5 * global_loss(each, labels, regions, boxes, n, film) + 4.0 * inside_loss(inside, regions, boxes, n, film)
        for p in params:
            p.grad = None
        loss.backward()
        average_gradients(params, world)
        torch.nn.utils.clip_grad_norm_(params, 5.0)
        opt.step(scale)
        step += 1
        mean = loss.item() if step == 1 else 0.95 * mean + 0.05 * loss.item()
        if step % 20 == 0:
            log(f"step {step} loss {mean:.3f} done {done:.3f} films {len(films)} rate {scale:.2f}", rank)
        if step % 200 == 0 or done >= 1.0:
            if rank == 0:
                save(CACHE / out, tower=tower.state_dict(), heads=heads.state_dict(), opt=opt.state(), step=step, spent=spent)
                m, per, r, f = evaluate(tower, heads, val)
                log(f"  unseen: macro-F1 {m:.3f} regions {r:.3f} findings {f:.3f}  " + " ".join(f"{v:.2f}" for v in per.tolist()))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
