#!/usr/bin/env python3
"""Opens a random checkpoint with the original implementation: check_checkpoint.py DIR...

Asks of each folder that transformers (4.53.3) finds every tensor and nothing else, in the shapes of its
own classes; that the tokenizer, the chat template and the image processor load; and that a film's forward
pass gives finite scores, of which it prints the spread and the sizes the residual streams reach.
Folders over 4 GB are compared by names and shapes only. Needs torch, transformers, Pillow, safetensors.
"""
import glob
import json
import os
import sys

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open
from transformers import AutoTokenizer, LlavaOnevisionConfig, LlavaOnevisionForConditionalGeneration, LlavaOnevisionImageProcessor

LEGACY = [("model.language_model.", "language_model.model."), ("lm_head.", "language_model.lm_head."),
          ("model.vision_tower.", "vision_tower."), ("model.multi_modal_projector.", "multi_modal_projector."),
          ("model.image_newline", "image_newline")]


def legacy(name):
    for new, old in LEGACY:
        if name.startswith(new):
            return old + name[len(new):]
    return name


def stored(folder):
    shapes = {}
    for path in sorted(glob.glob(os.path.join(folder, "*.safetensors"))):
        with safe_open(path, "pt") as f:
            for name in f.keys():
                assert name not in shapes, name
                shapes[name] = tuple(f.get_slice(name).get_shape())
    return shapes


def check_names(folder, config):
    with torch.device("meta"):
        model = LlavaOnevisionForConditionalGeneration(config)
    want = {legacy(k): tuple(v.shape) for k, v in model.named_parameters()}
    have = stored(folder)
    if config.text_config.tie_word_embeddings:
        want.pop("language_model.lm_head.weight", None)
    assert have == want, (sorted(set(have) ^ set(want))[:5], [k for k in have if want.get(k) != have[k]][:5])
    index = os.path.join(folder, "model.safetensors.index.json")
    if os.path.exists(index):
        index = json.load(open(index))
        assert set(index["weight_map"]) == set(have)
    values = sum(int(np.prod(s)) for s in have.values())
    print(f"  {len(have)} tensors, {values} parameters: the same as the classes")
    return values


def check_text(folder, config):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.is_fast
    base = len(tokenizer) - 5
    for i, token in enumerate(["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>", "<video>"]):
        assert tokenizer.convert_tokens_to_ids(token) == base + i, token
    assert config.image_token_index == base + 3 and config.text_config.vocab_size >= len(tokenizer)
    texts = ["Provide a radiology report for this Chest X-Ray.", "Où est l'épanchement ?\n\n 12.5 mm", "心脏 \x00\x7f"]
    for text in texts:
        ids = tokenizer(text).input_ids
        assert tokenizer.decode(ids) == text
        print(f"  {len(ids):3d} tokens: {text!r}")
    template = json.load(open(os.path.join(folder, "chat_template.json")))["chat_template"]
    message = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": texts[0]}]}
    return tokenizer, tokenizer.apply_chat_template([message], chat_template=template, add_generation_prompt=True, tokenize=False)


def check_forward(folder, tokenizer, prompt):
    model, info = LlavaOnevisionForConditionalGeneration.from_pretrained(folder, torch_dtype="auto", output_loading_info=True)
    assert not any(info[k] for k in info), info
    low = model.dtype
    model = model.float().eval()
    rng = np.random.default_rng(0)
    film = Image.fromarray((rng.random((48, 40)) * 255).astype(np.uint8)).resize((360, 384)).convert("RGB")
    images = LlavaOnevisionImageProcessor.from_pretrained(folder)(film, return_tensors="pt")
    assert images["pixel_values"].shape[-2:] == (384, 384)
    n = model.get_image_features(images["pixel_values"], images["image_sizes"])[0].shape[0]
    ids = tokenizer(prompt.replace("<image>", "<image>" * n), return_tensors="pt").input_ids

    peaks = {}
    layers = list(model.model.language_model.layers) + list(model.model.vision_tower.vision_model.encoder.layers)
    for name, group in (("text", layers[:len(model.model.language_model.layers)]), ("tower", layers[len(model.model.language_model.layers):])):
        for layer in group:
            layer.register_forward_hook(lambda m, i, o, name=name: peaks.setdefault(name, []).append((o[0].abs().max().item(), o[0].pow(2).mean().sqrt().item())))
    with torch.no_grad():
        logits = model(input_ids=ids, logits_to_keep=1, **images).logits[0, -1]
        assert torch.isfinite(logits).all()
        for name, seen in peaks.items():
            print(f"  {name} residual stream: rms {seen[0][1]:.2f} .. {seen[-1][1]:.2f}, peak {max(p for p, _ in seen):.1f}")
        print(f"  {n} image rows; logits: std {logits.std():.2f}, best two {logits.topk(2).values.tolist()}")
        blank = images["pixel_values"] * 0
        other = model(input_ids=ids, pixel_values=blank, logits_to_keep=1, image_sizes=images["image_sizes"]).logits[0, -1]
        print(f"  a blank film moves the logits by {(other - logits).abs().max():.3f}")
        del model  # loaded anew: casting a model would round the rotary frequencies too
        model = LlavaOnevisionForConditionalGeneration.from_pretrained(folder, torch_dtype=torch.bfloat16)
        bf16 = model(input_ids=ids, pixel_values=images["pixel_values"].bfloat16(), logits_to_keep=1, image_sizes=images["image_sizes"]).logits[0, -1].float()
        assert torch.isfinite(bf16).all()
        print(f"  in bf16: finite, off by {(bf16 - logits).abs().max():.3f}; stored as {low}")


def main():
    for folder in sys.argv[1:]:
        print(folder)
        config = LlavaOnevisionConfig.from_pretrained(folder)
        values = check_names(folder, config)
        tokenizer, prompt = check_text(folder, config)
        if values < 2e9:
            check_forward(folder, tokenizer, prompt)


if __name__ == "__main__":
    main()
