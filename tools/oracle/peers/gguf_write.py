"""Writes the language model of a LLaVA-OneVision folder as GGUF, for llama.cpp.

    python gguf_write.py MODEL OUT.gguf [--type bf16|f16|f32]

Matrices keep their stored type unless --type says otherwise; norms and biases are f32. No tokenizer is
written: the comparisons hand over ids. Needs numpy and gguf (both from PyPI); reads shards as they are mapped.
"""

import argparse
import json
import os
import re

import gguf
import numpy as np

KINDS = {"F32": np.float32, "F16": np.float16, "BF16": np.uint16}

NAMES = {  # of a layer
    "input_layernorm.weight": "attn_norm.weight",
    "self_attn.q_proj.weight": "attn_q.weight",
    "self_attn.q_proj.bias": "attn_q.bias",
    "self_attn.k_proj.weight": "attn_k.weight",
    "self_attn.k_proj.bias": "attn_k.bias",
    "self_attn.v_proj.weight": "attn_v.weight",
    "self_attn.v_proj.bias": "attn_v.bias",
    "self_attn.o_proj.weight": "attn_output.weight",
    "post_attention_layernorm.weight": "ffn_norm.weight",
    "mlp.gate_proj.weight": "ffn_gate.weight",
    "mlp.up_proj.weight": "ffn_up.weight",
    "mlp.down_proj.weight": "ffn_down.weight",
}


def tensors_of(folder):
    """{name: (type, shape, values)}; values are mapped, BF16 as its 16 bits."""
    found = {}
    for file in sorted(os.listdir(folder)):
        if not file.endswith(".safetensors"):
            continue
        path = os.path.join(folder, file)
        with open(path, "rb") as f:
            size = int.from_bytes(f.read(8), "little")
            header = json.loads(f.read(size))
        for name, t in header.items():
            if name == "__metadata__" or t["dtype"] not in KINDS:
                continue
            found[name] = (t["dtype"], t["shape"],
                           np.memmap(path, KINDS[t["dtype"]], "r", 8 + size + t["data_offsets"][0], tuple(t["shape"])))
    return found


def name_of(name):
    """The GGUF name of a tensor, or None: the tower's and the projector's are left out."""
    if "vision_tower" in name or "projector" in name or name == "image_newline":
        return None
    if name.endswith("lm_head.weight"):
        return "output.weight"
    if name.endswith("embed_tokens.weight"):
        return "token_embd.weight"
    layer = re.search(r"layers\.(\d+)\.(.*)$", name)
    if layer:
        return f"blk.{layer[1]}.{NAMES[layer[2]]}"
    return "output_norm.weight" if name.endswith("norm.weight") else None


def widened(kind, values):
    if kind == "BF16":
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float32)


def rounded(values):
    """f32 to the 16 bits of bf16, to nearest even."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def add(writer, name, kind, values, want):
    if values.ndim == 1:
        writer.add_tensor(name, widened(kind, values))
    elif want == "f32":
        writer.add_tensor(name, widened(kind, values))
    elif want == "f16":
        writer.add_tensor(name, values if kind == "F16" else widened(kind, values).astype(np.float16))
    else:
        bits = values if kind == "BF16" else rounded(widened(kind, values))
        writer.add_tensor(name, bits.view(np.uint8), raw_dtype=gguf.GGMLQuantizationType.BF16)


def write(folder, out, want=None):
    with open(os.path.join(folder, "config.json")) as f:
        c = json.load(f)["text_config"]
    tensors = tensors_of(folder)
    stored = {k for n, (k, s, _) in tensors.items() if name_of(n) and len(s) == 2}
    want = want or ("bf16" if stored == {"BF16"} else "f16" if stored == {"F16"} else "f32")
    rows = next(s[0] for n, (_, s, _) in tensors.items() if n.endswith("embed_tokens.weight"))

    w = gguf.GGUFWriter(out + ".part", "qwen2")
    w.add_context_length(c.get("max_position_embeddings", 32768))
    w.add_embedding_length(c["hidden_size"])
    w.add_block_count(c["num_hidden_layers"])
    w.add_feed_forward_length(c["intermediate_size"])
    w.add_head_count(c["num_attention_heads"])
    w.add_head_count_kv(c["num_key_value_heads"])
    w.add_rope_freq_base(c.get("rope_theta", 10000.0))
    w.add_layer_norm_rms_eps(c.get("rms_norm_eps", 1e-6))
    w.add_vocab_size(rows)
    w.add_tokenizer_model("no_vocab")
    w.add_file_type({"f32": 0, "f16": 1, "bf16": 32}[want])
    for name, (kind, _, values) in tensors.items():
        if name_of(name):
            add(w, name_of(name), kind, values, want)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    os.replace(out + ".part", out)


if __name__ == "__main__":
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("model")
    a.add_argument("out")
    a.add_argument("--type", choices=["bf16", "f16", "f32"])
    a = a.parse_args()
    write(a.model, a.out, a.type)
