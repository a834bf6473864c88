"""Step 1b: every patch becomes the speaker of one structure.

What the decoder needs to answer "where" should stand where attention finds it: patch j answers for structure j mod 14 (six
regions, eight labels), always in the same directions of its vector: whether it is there, its corners, and the digits the corners
are written with. The aspect-kept grid tile is trained with the same answers, in the frame of the film. Starts from step 1.

    RANK=0 WORLD_SIZE=2 MEET=speakers python train_speakers.py OUT.pt TOWER.pt MINUTES     (and RANK=1)
"""
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from model import VISION, Tower
from phantoms import CELLS, targets
from train_tower import Heads, global_loss, inside_loss
from training import CACHE, Films, Optimiser, average_gradients, f1, iou, log, save, start

BATCH, WARMUP, STRUCTURES = 12, 40, 14
SAID = 2 + 8 + 8 * 21
SPEAKS = torch.arange(CELLS * CELLS) % STRUCTURES


class Speakers(nn.Module):
    """Per patch: present, second box there, corners of two boxes, their digits (tenths 0..10, hundredths 0..9)."""

    def __init__(self):
        super().__init__()
        self.norm, self.say = nn.LayerNorm(VISION["width"]), nn.Linear(VISION["width"], SAID)
        nn.init.normal_(self.say.weight, std=0.02)
        nn.init.zeros_(self.say.bias)

    def forward(self, x):
        return self.say(self.norm(x.float()))


def speakers_loss(out, labels, regions, boxes, n, film):
    """out [B, P, 178]; a part that is not there is asked for its presence only."""
    b = out.shape[0]
    there = torch.cat([film[:, None].expand(-1, 6) > 0.5, n > 0], 1)                        # [B, 14]
    second = torch.cat([torch.zeros(b, 6, dtype=torch.bool), n > 1], 1)
    box = torch.cat([torch.stack([regions, regions], 2), boxes], 1)                         # [B, 14, 2, 4]
    there, second, box = there[:, SPEAKS], second[:, SPEAKS], box[:, SPEAKS]
    present = F.binary_cross_entropy_with_logits(out[..., 0], there.float())
    two = F.binary_cross_entropy_with_logits(out[..., 1], second.float())
    on = torch.stack([there, second], -1)                                                   # [B, P, 2]
    want, got = box[on], out[..., 2:10].unflatten(-1, (2, 4))[on]
    digit = out[..., 10:].unflatten(-1, (2, 4, 21))[on]
    whole = (want * 100).round().long().clamp(0, 100)
    tenths = F.cross_entropy(digit[..., :11].flatten(0, 1), (whole // 10).flatten())
    hundredths = F.cross_entropy(digit[..., 11:].flatten(0, 1), (whole % 10).flatten())
    corners = F.smooth_l1_loss(got, want, beta=0.02) + 0.2 * (1 - iou(got, want)).mean()
    right = ((digit[..., :11].argmax(-1) == whole // 10).float().mean(), (digit[..., 11:].argmax(-1) == whole % 10).float().mean())
    return 3.0 * present + two + 5.0 * corners + tenths + hundredths, right


def batch_of(films, index, rng=None):
    """Base and grid tiles of films, one after the other, with the same truth."""
    items = [films.get(int(i), grid=True, mirror=rng is not None and rng.random() < 0.5) for i in index]
    tiles = torch.from_numpy(np.concatenate([np.stack([x[k] for x in items]) for k in (0, 1)]))
    t = [targets(x[2]) for x in items]
    about = [torch.from_numpy(np.stack(a)) for a in zip(*[(a, b, c, d, np.float32(e)) for a, b, c, d, e in t])]
    return tiles, [torch.cat([a, a]) for a in about]


@torch.no_grad()
def evaluate(tower, heads, speakers, films):
    out, about = [], []
    with torch.autocast("cpu", torch.bfloat16):
        for at in range(0, 150, 30):
            tiles, a = batch_of(films, range(at, at + 30))
            out.append(speakers(tower(tiles)).float()), about.append(a)
    out, (labels, regions, boxes, n, film) = torch.cat(out), [torch.cat(a) for a in zip(*about)]
    on = film > 0.5
    got = out[..., 2:10].unflatten(-1, (2, 4))
    region = torch.stack([iou(got[on][:, SPEAKS == s, 0], regions[on][:, None, s]).mean() for s in range(6)]).mean()
    finding = torch.cat([iou(got[:, SPEAKS == s + 6, k].mean(1), boxes[:, s, k])[n[:, s] > k] for s in range(8) for k in range(2)]).mean()
    present = torch.stack([out[on][:, SPEAKS == s + 6, 0].mean(1) > 0 for s in range(8)], 1)
    _, (t, h) = speakers_loss(out, labels, regions, boxes, n, film)
    return f"macro-F1 {f1(present, labels[on] > 0.5).mean():.3f} regions {region:.3f} findings {finding:.3f} tenths {t:.3f} hundredths {h:.3f}"


def main(out, first, minutes):
    rank, world = start()
    torch.manual_seed(7)
    tower, heads, speakers = Tower(), Heads(), Speakers()
    s = torch.load(CACHE / first, weights_only=False)
    tower.load_state_dict(s["tower"]), heads.load_state_dict(s["heads"])
    named = [("tower." + k, p) for k, p in tower.named_parameters() if "post_layernorm" not in k]
    named += [("heads." + k, p) for k, p in heads.named_parameters()] + [("speakers." + k, p) for k, p in speakers.named_parameters()]
    params = [p for _, p in named]
    opt, step, spent = Optimiser(named, 0.012, 1.2e-3), 0, 0.0
    if (CACHE / out).exists():
        s = torch.load(CACHE / out, weights_only=False)
        tower.load_state_dict(s["tower"]), heads.load_state_dict(s["heads"]), speakers.load_state_dict(s["speakers"]), opt.load(s["opt"])
        step, spent = s["step"], s["spent"]
        log(f"resumed at step {step}", rank)
    films, val = Films(CACHE / "data"), Films(CACHE / "val")
    rng = np.random.default_rng(3000 * (step + 1) + rank)
    budget, last, mean = minutes * 60.0, time.time(), 0.0
    while spent < budget:
        clock = torch.tensor([time.time() - last])
        if world > 1:
            torch.distributed.broadcast(clock, 0)
        spent, last = spent + clock.item(), time.time()
        done = min(1.0, spent / budget)
        scale = min(1.0, (step + 1) / WARMUP) * (1.0 if done < 0.3 else max(0.015, (1.0 - done) / 0.7))
        tiles, about = batch_of(films, rng.integers(0, len(films), BATCH), rng)
        with torch.autocast("cpu", torch.bfloat16):
            x = tower(tiles)
        said, _ = speakers_loss(speakers(x), *about)
        whole, _, inside = heads(x)
        b = BATCH                                                     # what lies where is asked of base tiles only
        loss = said + 0.5 * global_loss(whole, *about) + 2.0 * inside_loss(inside[:b], *[a[:b] for a in about[1:]])
        for p in params:
            p.grad = None
        loss.backward()
        average_gradients(params, world)
        torch.nn.utils.clip_grad_norm_(params, 5.0)
        opt.step(scale)
        step += 1
        mean = loss.item() if step == 1 else 0.95 * mean + 0.05 * loss.item()
        if step % 50 == 0:
            log(f"step {step} loss {mean:.3f} done {done:.3f} rate {scale:.2f}", rank)
        if (step % 200 == 0 or done >= 1.0) and rank == 0:
            save(CACHE / out, tower=tower.state_dict(), heads=heads.state_dict(), speakers=speakers.state_dict(), opt=opt.state(), step=step, spent=spent)
            log("  unseen: " + evaluate(tower, heads, speakers, val))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
