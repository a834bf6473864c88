"""Writes the trained model as a folder in RadVLM's layout, and checks it against transformers' own classes.

    python export.py CHECKPOINT.pt FOLDER           (the tokenizer comes from the cache, words/)
    python export.py --check CHECKPOINT.pt FOLDER   greedy answers of transformers and of our own PyTorch on unseen films
"""
import json
import pathlib
import shutil
import sys

import torch
from safetensors.torch import save_file

import figures
import phantoms
from model import TEXT, VISION, Demo
from text import ADDED, Words
from training import CACHE

TEMPLATE = ("{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n'}}{# Render all images first #}{% for content in message['content'] "
            "| selectattr('type', 'equalto', 'image') %}{{ '<image>\\n' }}{% endfor %}{# Render all video then #}{% for content in message['content'] "
            "| selectattr('type', 'equalto', 'video') %}{{ '<video>\\n' }}{% endfor %}{# Render all text next #}{% if message['role'] != 'assistant' %}"
            "{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{{ content['text'] }}{% endfor %}{% else %}{% for content in "
            "message['content'] | selectattr('type', 'equalto', 'text') %}{% generation %}{{ content['text'] }}{% endgeneration %}{% endfor %}{% endif %}"
            "{{'<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
REMARK = "Toy model, trained on phantom films drawn by a program. Its answers about real films mean nothing."
CARD = """# Toy model for phantom films

This folder is a **toy**. It has RadVLM's layout (LLaVA-OneVision: SigLIP tower, projector, Qwen2 decoder), {size:.1f} million parameters,
and has seen nothing but phantom films: pictures drawn by `thorax synth phantom`, with findings drawn by the same program. It shows that
loading, preprocessing, generation and reading of answers work, and gives tests a model that has learned something.

**It knows no anatomy and no disease. Its answers about a real film mean nothing.** It is not derived from RadVLM or any other model.

Trained by `tools/oracle/demo/` (seeds there; `training.log` here). Figures on phantoms it has never seen:
`bench/phantom -m models/demo --seed N --count K --json`, see `docs/phantom.md`.
"""


def stored(t):
    """F16, of values that bf16 holds as well; what f16 cannot hold becomes 0."""
    v = t.detach().float().bfloat16().float()
    h = v.half()
    return torch.where(h.float() == v, h, torch.zeros_like(h)) if not torch.equal(h.float(), v) else h


def write(checkpoint, folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    words = Words(CACHE / "words")
    model = Demo(words.rows)
    model.load_state_dict(torch.load(CACHE / checkpoint, weights_only=False)["model"])
    tensors = {k: stored(v).contiguous() for k, v in model.state_dict().items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})

    def dump(name, value):
        (folder / name).write_text(json.dumps(value, indent=2) + "\n")

    pins, side = [[phantoms.SIDE, phantoms.SIDE]], phantoms.SIDE
    dump("config.json", {
        "architectures": ["LlavaOnevisionForConditionalGeneration"], "model_type": "llava_onevision", "thorax_remark": REMARK,
        "image_grid_pinpoints": pins, "image_token_index": words.image, "video_token_index": words.image + 1,
        "multimodal_projector_bias": True, "projector_hidden_act": "gelu", "tie_word_embeddings": False, "torch_dtype": "float16",
        "use_image_newline_parameter": True, "vision_aspect_ratio": "anyres_max_9", "vision_feature_layer": -1, "vision_feature_select_strategy": "full",
        "text_config": {"model_type": "qwen2", "hidden_size": TEXT["width"], "intermediate_size": TEXT["ff"], "num_hidden_layers": TEXT["layers"],
                        "num_attention_heads": TEXT["heads"], "num_key_value_heads": TEXT["kv_heads"], "vocab_size": words.rows, "rope_theta": TEXT["theta"],
                        "rms_norm_eps": 1e-6, "hidden_act": "silu", "max_position_embeddings": 4096, "use_sliding_window": False,
                        "tie_word_embeddings": False, "bos_token_id": words.bos, "eos_token_id": words.end},
        "vision_config": {"model_type": "siglip_vision_model", "hidden_size": VISION["width"], "intermediate_size": VISION["ff"],
                          "num_hidden_layers": VISION["layers"], "num_attention_heads": VISION["heads"], "image_size": side, "patch_size": phantoms.PATCH,
                          "num_channels": 3, "hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-6, "vision_use_head": False}})
    dump("generation_config.json", {"bos_token_id": words.bos, "eos_token_id": [words.end, words.bos], "pad_token_id": words.bos, "do_sample": False})
    dump("chat_template.json", {"chat_template": TEMPLATE})
    dump("processor_config.json", {"image_token": "<image>", "num_image_tokens": phantoms.CELLS ** 2, "processor_class": "LlavaOnevisionProcessor",
                                   "video_token": "<video>", "vision_feature_select_strategy": "full"})
    dump("preprocessor_config.json", {
        "do_convert_rgb": True, "do_normalize": True, "do_pad": True, "do_rescale": True, "do_resize": True, "image_grid_pinpoints": pins,
        "image_mean": [0.5] * 3, "image_std": [0.5] * 3, "image_processor_type": "LlavaOnevisionImageProcessor", "processor_class": "LlavaOnevisionProcessor",
        "resample": 3, "rescale_factor": 1 / 255, "size": {"height": side, "width": side}})
    first = words.t.token_to_id(ADDED[0])
    dump("tokenizer_config.json", {
        "added_tokens_decoder": {str(first + i): {"content": a, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
                                 for i, a in enumerate(ADDED)},
        "bos_token": None, "clean_up_tokenization_spaces": False, "eos_token": "<|im_end|>", "errors": "replace", "model_max_length": 4096,
        "pad_token": "<|endoftext|>", "processor_class": "LlavaOnevisionProcessor", "split_special_tokens": False, "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": "<|endoftext|>"})
    dump("special_tokens_map.json", {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "unk_token": "<|endoftext|>"})
    dump("added_tokens.json", {a: first + i for i, a in enumerate(ADDED)})
    shutil.copy(CACHE / "words" / "tokenizer.json", folder / "tokenizer.json")
    dump("vocab.json", {k: v for k, v in sorted(words.t.get_vocab(with_added_tokens=False).items(), key=lambda x: x[1])})
    (folder / "README.md").write_text(CARD.format(size=sum(t.numel() for t in tensors.values()) / 1e6))
    print(folder, sum(f.stat().st_size for f in folder.iterdir()), "bytes")


def check(checkpoint, folder, films=6):
    """The same greedy answers from transformers (its image processor, tokenizer and model) as from our own code."""
    from PIL import Image
    from transformers import AutoTokenizer, LlavaOnevisionForConditionalGeneration, LlavaOnevisionImageProcessor

    words = Words(folder)
    ours = Demo(words.rows)
    state = torch.load(CACHE / checkpoint, weights_only=False)["model"]
    ours.load_state_dict({k: stored(v).float() for k, v in state.items()})
    hf = LlavaOnevisionForConditionalGeneration.from_pretrained(folder, torch_dtype=torch.float32).eval()
    processor, tokenizer = LlavaOnevisionImageProcessor.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    same = total = 0
    for i in range(films):
        pixels, truth = phantoms.draw(4242, i)
        base, grid = map(torch.from_numpy, phantoms.tiles(pixels))
        keep = phantoms.unpad(truth.width, truth.height)
        inputs = processor(Image.fromarray(pixels).convert("RGB"), return_tensors="pt")
        raw = torch.stack([base, grid]).float() / 127.5 - 1
        assert (inputs["pixel_values"][0, :, 0] - raw).abs().max() < 1e-6, "tiles differ"
        top, bottom, left, right = keep
        n = phantoms.CELLS ** 2 + (bottom - top) * (right - left + 1)
        for q in (figures.QUESTIONS["report"], figures.QUESTIONS["classify"], figures.QUESTIONS["ground"].format("heart")):
            text = f"<|im_start|>user\n{'<image>' * n}\n{q}<|im_end|>\n<|im_start|>assistant\n"
            ids = tokenizer(text, return_tensors="pt")["input_ids"]
            out = hf.generate(input_ids=ids, attention_mask=torch.ones_like(ids), pixel_values=inputs["pixel_values"], image_sizes=inputs["image_sizes"],
                              max_new_tokens=110, do_sample=False)
            theirs = tokenizer.decode(out[0, ids.shape[1]:], skip_special_tokens=True)
            mine = figures.answers(ours, words, base, grid, keep, [q], autocast=False)[0]
            total, same = total + 1, same + (theirs == mine)
            print("same" if theirs == mine else "DIFFERS", "|", theirs, "" if theirs == mine else f"| {mine}")
    print(f"{same} of {total} answers are the same")
    return same == total


if __name__ == "__main__":
    if sys.argv[1] == "--check":
        sys.exit(not check(*sys.argv[2:4]))
    write(*sys.argv[1:3])
