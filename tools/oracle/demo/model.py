"""The demo model in plain PyTorch; state-dict names are those of the published checkpoints.

SigLIP tower -> two-layer projector -> Qwen2 decoder, as LlavaOnevisionForConditionalGeneration computes them.
"""
import torch
import torch.nn.functional as F
from torch import nn

from phantoms import CELLS, PATCH, SIDE

VISION = dict(width=192, layers=6, heads=3, ff=768)
TEXT = dict(width=256, layers=4, heads=4, kv_heads=2, ff=576, theta=10000.0)


class VisionAttention(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(d, d) for _ in range(4))

    def forward(self, x):                                        # [B, P, d]
        b, p, d = x.shape
        q, k, v = (f(x).view(b, p, self.heads, -1).transpose(1, 2) for f in (self.q_proj, self.k_proj, self.v_proj))
        return self.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, p, d))


class VisionMlp(nn.Module):
    def __init__(self, d, ff):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(d, ff), nn.Linear(ff, d)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))


class VisionLayer(nn.Module):
    def __init__(self, d, heads, ff):
        super().__init__()
        self.layer_norm1, self.layer_norm2 = nn.LayerNorm(d, eps=1e-6), nn.LayerNorm(d, eps=1e-6)
        self.self_attn, self.mlp = VisionAttention(d, heads), VisionMlp(d, ff)

    def forward(self, x):
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp(self.layer_norm2(x))


class Embeddings(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.patch_embedding = nn.Conv2d(3, d, PATCH, PATCH)
        self.position_embedding = nn.Embedding(CELLS * CELLS, d)

    def forward(self, tiles):                                    # u8 [B, Y, X] -> [B, P, d]
        b = tiles.shape[0]
        x = tiles.float().div_(127.5).sub_(1.0).view(b, CELLS, PATCH, CELLS, PATCH).permute(0, 1, 3, 2, 4)
        w = self.patch_embedding.weight.sum(1).flatten(1)        # the three channels are equal
        return F.linear(x.reshape(b, CELLS * CELLS, PATCH * PATCH), w, self.patch_embedding.bias) + self.position_embedding.weight


class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        d = VISION["width"]
        self.vision_model = nn.Module()
        self.vision_model.embeddings = Embeddings(d)
        self.vision_model.encoder = nn.Module()
        self.vision_model.encoder.layers = nn.ModuleList(VisionLayer(d, VISION["heads"], VISION["ff"]) for _ in range(VISION["layers"]))
        self.vision_model.post_layernorm = nn.LayerNorm(d, eps=1e-6)  # stored, never used

    def forward(self, tiles):
        x = self.vision_model.embeddings(tiles)
        for layer in self.vision_model.encoder.layers:
            x = layer(x)
        return x


class Projector(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(VISION["width"], TEXT["width"]), nn.Linear(TEXT["width"], TEXT["width"])

    def forward(self, x):
        return self.linear_2(F.gelu(self.linear_1(x)))


class RMSNorm(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d))

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + 1e-6)).to(x.dtype)


def rope(position, e):
    """cos, sin [T, e] of every position, both halves alike."""
    inv = 1.0 / TEXT["theta"] ** (torch.arange(0, e, 2).float() / e)
    a = position[..., None].float() * inv
    a = torch.cat([a, a], -1)
    return a.cos(), a.sin()


def rotate(x, cos, sin):
    h = x.shape[-1] // 2
    return x * cos + torch.cat([-x[..., h:], x[..., :h]], -1) * sin


class TextAttention(nn.Module):
    def __init__(self):
        super().__init__()
        d, self.h, self.g = TEXT["width"], TEXT["heads"], TEXT["kv_heads"]
        e = d // self.h
        self.q_proj, self.k_proj, self.v_proj = nn.Linear(d, d), nn.Linear(d, self.g * e), nn.Linear(d, self.g * e)
        self.o_proj = nn.Linear(d, d, bias=False)

    def forward(self, x, cos, sin, mask, cache):
        b, t, d = x.shape
        q = self.q_proj(x).view(b, t, self.h, -1).transpose(1, 2)
        k = self.k_proj(x).view(b, t, self.g, -1).transpose(1, 2)
        v = self.v_proj(x).view(b, t, self.g, -1).transpose(1, 2)
        q, k = rotate(q, cos, sin).to(v.dtype), rotate(k, cos, sin).to(v.dtype)
        if cache is not None:
            if cache:
                k, v = torch.cat([cache[0], k], 2), torch.cat([cache[1], v], 2)
            cache[:] = [k, v]
        k, v = (a.repeat_interleave(self.h // self.g, 1) for a in (k, v))
        return self.o_proj(F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).reshape(b, t, d))


class TextMlp(nn.Module):
    def __init__(self):
        super().__init__()
        d, f = TEXT["width"], TEXT["ff"]
        self.gate_proj, self.up_proj, self.down_proj = nn.Linear(d, f, bias=False), nn.Linear(d, f, bias=False), nn.Linear(f, d, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class TextLayer(nn.Module):
    def __init__(self):
        super().__init__()
        d = TEXT["width"]
        self.input_layernorm, self.post_attention_layernorm = RMSNorm(d), RMSNorm(d)
        self.self_attn, self.mlp = TextAttention(), TextMlp()

    def forward(self, x, cos, sin, mask, cache=None):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, mask, cache)
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(vocab, TEXT["width"])
        self.model.layers = nn.ModuleList(TextLayer() for _ in range(TEXT["layers"]))
        self.model.norm = RMSNorm(TEXT["width"])
        self.lm_head = nn.Linear(TEXT["width"], vocab, bias=False)


class Demo(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.image_newline = nn.Parameter(torch.randn(TEXT["width"]) * 0.02)
        self.vision_tower, self.multi_modal_projector, self.language_model = Tower(), Projector(), Decoder(vocab)
        for m in self.modules():
            if isinstance(m, (nn.Linear, nn.Embedding, nn.Conv2d)):
                nn.init.normal_(m.weight, std=0.02 if not isinstance(m, nn.Conv2d) else 0.03)
                if getattr(m, "bias", None) is not None:
                    nn.init.zeros_(m.bias)

    def image_rows(self, base, grid, keep, features=None):
        """Rows per film: base block, then the grid's rows that unpad keeps, a newline after each. A list of [Q, D]."""
        b = len(keep)
        x = self.multi_modal_projector(self.vision_tower(torch.cat([base, grid])) if features is None else features)
        self.all_rows = x                                            # [2 B, P, D], looked at in training
        g, out = x[b:].view(b, CELLS, CELLS, -1), []
        for i, (top, bottom, left, right) in enumerate(keep):
            rows = g[i, top:bottom, left:right]
            line = self.image_newline.to(x.dtype).expand(rows.shape[0], 1, -1)
            out.append(torch.cat([x[i], torch.cat([rows, line], 1).flatten(0, 1)]))
        return out

    def hidden(self, x, position, mask, caches=None, taps=None):
        """Decoder over embedded rows x [B, T, D]; position [B, T]; mask bool [B, 1, T, T'] or None. `taps` receives each layer's result."""
        cos, sin = rope(position, TEXT["width"] // TEXT["heads"])
        cos, sin = cos[:, None], sin[:, None]
        for i, layer in enumerate(self.language_model.model.layers):
            x = layer(x, cos, sin, mask, None if caches is None else caches[i])
            if taps is not None:
                taps.append(x)
        return self.language_model.model.norm(x)
