"""Makes sets of judges that the golden folder does not hold: other builds, other seeds. Each is a folder in the form of
golden/judge-*, checked by build/tests/golden. Needs torch 2.7, transformers 4.53, and green_score 0.0.12 unpacked.

    python3 tools/oracle/judge_sets.py GREEN_SCORE ../shared/golden OUT SEED
    build/tests/golden OUT 'judge-*'

  GREEN_SCORE   the unpacked source of green_score (pip download green-score==0.0.12 --no-deps)
  OUT/judge-*   Llama with 2 key/value heads, with biases and a tied head (.bin in shards), Mistral with a window of 100,
                Qwen2, Phi as one .bin, Phi with 2 key/value heads; tokenizers are the golden sets'. Weights are random;
                texts hold control strings, blanks and letters of other scripts.
"""
import json
import os
import random
import re
import shutil
import sys

import numpy as np
import torch
from transformers import (AutoModelForCausalLM, AutoTokenizer, LlamaConfig, MistralConfig, PhiConfig, Qwen2Config)

WORDS = ("Heart size normal. No pleural effusion; mild edema, cardiomegaly </s> <|endoftext|> <|user|> <s> <unk> <|coord_9|> 4.2 cm"
         "    \tx \u00e9 \u4e2d na\u00efve \u2581 \u2581\u2581 [Explanation]: <0x0A> \U0001f642 \u200b \u00a0 ' ''n't 've isn't . , ! don't PICC").split(" ")


def load_green(folder):
    """The package's functions without its imports: prompts, cleaning, parsing, the chat template."""
    def read(name):
        return open(os.path.join(folder, "green_score", name), encoding="utf-8").read()
    space = {"re": re}
    utils, green = read("utils.py"), read("green.py")
    exec(utils[utils.index("def clean_responses"):], space)
    body = green[green.index("    def compute_error_count"):green.index("    def parse_error_sentences")]
    exec("class Green:\n" + body, space)
    judge = space["Green"]()
    judge.categories = re.findall(r'^            "((?:Clin|Match)[^"]*)",$', green, re.M)
    judge.sub_categories = re.findall(r'^            "(\([a-f]\) [^"]*)",$', green, re.M)
    template = re.search(r'chat_template = "(.*)"\n', green).group(1).encode().decode("unicode_escape")
    return space["make_prompt"], space["clean_responses"], judge, template


def random_weights(model):
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "norm" in name:
                p.add_(torch.randn_like(p) * 0.1)
            else:
                p.normal_(0, 0.1 if p.dim() == 1 else 1.0 if "embed" in name else 1.3 / p.shape[1] ** 0.5)


def write_folder(folder, tokenizer, config, dtype, safe, shard, seed):
    os.makedirs(folder)
    for f in os.listdir(tokenizer):
        if "token" in f or f in ("vocab.json", "merges.txt"):
            shutil.copyfile(os.path.join(tokenizer, f), os.path.join(folder, f))
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config)
    random_weights(model)
    model.to(dtype).save_pretrained(folder, safe_serialization=safe, max_shard_size=shard)


def judge_pair(k, pair, green, tokenizer, model):
    make_prompt, clean, judge, _ = green
    chat = [{"from": "human", "value": make_prompt(*pair)}, {"from": "gpt", "value": ""}]
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    ids = tokenizer([text], return_tensors="pt", truncation=True, max_length=2048)["input_ids"]
    with torch.no_grad():
        logits = model(ids).logits[0, -1]
        out = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), eos_token_id=tokenizer.eos_token_id,
                             pad_token_id=tokenizer.eos_token_id, max_new_tokens=32, do_sample=False, temperature=None, top_p=None)
    decoded = tokenizer.batch_decode(out, skip_special_tokens=True)[0]
    completion = clean(decoded)
    return logits.numpy(), dict(id=f"h{k}", reference=pair[0], candidate=pair[1], rendered=text, ids=ids[0].tolist(), logits_row=k,
                                greedy_ids=out[0, ids.shape[1]:].tolist(), decoded=decoded, completion=completion,
                                green=judge.compute_green(completion), error_counts=judge.compute_error_count(completion))


def make(out, name, golden, tokenizer, config, dtype, pairs, green, seed, safe=True, shard="5GB"):
    folder = os.path.join(out, "judge-" + name)
    shutil.rmtree(folder, ignore_errors=True)
    md = os.path.join(folder, "model")
    write_folder(md, os.path.join(golden, tokenizer, "model"), config, dtype, safe, shard, seed)
    model = AutoModelForCausalLM.from_pretrained(md, torch_dtype=torch.float32, attn_implementation="eager").eval()
    t = AutoTokenizer.from_pretrained(md, add_eos_token=True, use_fast=True, padding_side="left")
    t.chat_template, t.pad_token, t.clean_up_tokenization_spaces = green[3], t.eos_token, True
    rows, cases = zip(*(judge_pair(k, p, green, t, model) for k, p in enumerate(pairs)))
    np.save(os.path.join(folder, "last_logits.npy"), np.stack(rows).astype(np.float32))
    with open(os.path.join(folder, "cases.json"), "w", encoding="ascii") as f:
        json.dump({"schema": 1, "model": "model", "last_logits": "last_logits.npy", "cases": list(cases)}, f)


def main(package, golden, out, seed):
    green = load_green(package)
    random.seed(seed)

    def text(n):
        return " ".join(random.choice(WORDS) for _ in range(n))
    pairs = [(text(random.randint(0, 40)), text(random.randint(0, 40))) for _ in range(5)] + [("a", "b"), (text(330), text(12))]
    llama = dict(vocab_size=1191, hidden_size=48, intermediate_size=88, num_attention_heads=4, max_position_embeddings=4096,
                 bos_token_id=1, eos_token_id=2)
    other = dict(vocab_size=1280, bos_token_id=1181, eos_token_id=1181)
    sets = [
        ("llama-kv2", "judge-llama", LlamaConfig(num_hidden_layers=3, num_key_value_heads=2, **llama), torch.bfloat16, {}),
        ("llama-bias", "judge-llama", LlamaConfig(num_hidden_layers=2, num_key_value_heads=1, attention_bias=True, mlp_bias=True,
                                                  tie_word_embeddings=True, **llama), torch.float32, dict(safe=False, shard="60KB")),
        ("mistral", "judge-llama", MistralConfig(num_hidden_layers=2, num_key_value_heads=2, head_dim=16, sliding_window=100, **llama),
         torch.float16, {}),
        ("qwen2", "judge-phi", Qwen2Config(hidden_size=48, intermediate_size=88, num_hidden_layers=2, num_attention_heads=4,
                                           num_key_value_heads=2, max_position_embeddings=4096, **other), torch.bfloat16, {}),
        ("phi-bin", "judge-phi", PhiConfig(hidden_size=60, intermediate_size=120, num_hidden_layers=3, num_attention_heads=3,
                                           partial_rotary_factor=0.4, **other), torch.float16, dict(safe=False)),
        ("phi-kv2", "judge-phi", PhiConfig(hidden_size=64, intermediate_size=120, num_hidden_layers=2, num_attention_heads=4,
                                           num_key_value_heads=2, **other), torch.float16, dict(safe=False, shard="100KB")),
    ]
    for name, tokenizer, config, dtype, how in sets:
        make(out, name, golden, tokenizer, config, dtype, pairs, green, seed, **how)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
