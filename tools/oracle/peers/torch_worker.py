"""transformers as a process that answers: a JSON request a line in, a JSON reply a line out.

    {"do":"load","path":MODEL,"type":"bf16","threads":2}       {"ok":true}
    {"do":"tower","tiles":N,"at_once":K}   {"seconds":S}   tower and projector over N random tiles, K at a time
    {"do":"prompt","tokens":N}             {"seconds":S}   of N random ids, the last one's logits wanted
    {"do":"decode","tokens":N}             {"seconds":S}   of N single steps behind a short prompt
    {"do":"logits","segments":[{"ids":[…]}],"out":F,"tiles":FILE,"size":[H,W]}
                                           {"rows":T}      f32 [T, V] into a NumPy file; the film is optional
    {"do":"encoder_make","out":DIR,"layers":N}             {"ok":true}    a random BERT of the base size with a vocabulary of words
    {"do":"encoder_load","path":DIR,"threads":2}           {"ok":true}
    {"do":"encoder_run","texts":FILE,"batch":64}
                                           {"seconds":S,"tokens":N}   last hidden states of texts, a line each, by length
    {"do":"about"}                         {"text":…}

    python torch_worker.py first MODEL FILM QUESTION [TYPE]    one JSON object once the first token is there,
                                                               as a user's script would get to it
"""

import json
import os
import sys
import time

begun = time.monotonic()
replies = os.dup(1)  # what libraries print must not get between replies
os.dup2(2, 1)

import numpy as np
import torch
import transformers

transformers.logging.set_verbosity_error()
TYPES = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32}


def model_of(path, type, threads):
    torch.set_num_threads(threads)
    model = transformers.LlavaOnevisionForConditionalGeneration.from_pretrained(
        path, torch_dtype=TYPES[type], attn_implementation="sdpa", low_cpu_mem_usage=True)
    return model.eval()


class Encoder:
    """A text encoder: what bert_score and its like do with it."""

    def encoder_make(self, out, layers=12, entries=30522):
        torch.manual_seed(5)
        config = transformers.BertConfig(num_hidden_layers=layers, vocab_size=entries)
        transformers.BertModel(config, add_pooling_layer=False).save_pretrained(out)
        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        with open(os.path.join(out, "vocab.txt"), "w") as f:
            f.writelines(w + "\n" for w in words + [f"w{i}" for i in range(entries - len(words))])
        return {"ok": True}

    def encoder_load(self, path, threads=2):
        torch.set_num_threads(threads)
        self.words = transformers.BertTokenizerFast.from_pretrained(path, model_max_length=512)
        self.encoder = transformers.BertModel.from_pretrained(path, attn_implementation="sdpa", add_pooling_layer=False).eval()
        return {"ok": True}

    @torch.inference_mode()
    def encoder_run(self, texts, batch=64):
        with open(texts) as f:
            ids = sorted((self.words(x.rstrip("\n"), truncation=True)["input_ids"] for x in f), key=len)
        parts = [self.words.pad({"input_ids": ids[i:i + batch]}, return_tensors="pt") for i in range(0, len(ids), batch)]
        begin = time.monotonic()
        for part in parts:
            self.encoder(**part)
        return {"seconds": time.monotonic() - begin, "tokens": sum(map(len, ids))}


class Worker(Encoder):
    def load(self, path, type="bf16", threads=2):
        self.whole = model_of(path, type, threads)
        self.model = self.whole.model
        self.type = TYPES[type]
        self.V = self.model.language_model.embed_tokens.num_embeddings
        return {"ok": True}

    @torch.inference_mode()
    def tower(self, tiles, at_once=0):
        c = self.whole.config.vision_config
        x = torch.randn(tiles, 3, c.image_size, c.image_size).to(self.type)
        begin = time.monotonic()
        for part in x.split(at_once or tiles):
            rows = self.model.vision_tower(part, output_hidden_states=True).hidden_states[-1]
            self.model.multi_modal_projector(rows)
        return {"seconds": time.monotonic() - begin}

    def step(self, ids=None, rows=None, cache=None, keep=1):
        out = self.model.language_model(input_ids=ids, inputs_embeds=rows, past_key_values=cache, use_cache=True)
        return self.whole.lm_head(out.last_hidden_state[:, -keep:]), out.past_key_values

    @torch.inference_mode()
    def prompt(self, tokens):
        ids = torch.randint(0, self.V, (1, tokens))
        begin = time.monotonic()
        self.step(ids)
        return {"seconds": time.monotonic() - begin}

    @torch.inference_mode()
    def decode(self, tokens, depth=16):
        logits, cache = self.step(torch.randint(0, self.V, (1, depth)))
        begin = time.monotonic()
        for _ in range(tokens):
            logits, cache = self.step(logits[:, -1].argmax(-1, keepdim=True), cache=cache)
        return {"seconds": time.monotonic() - begin}

    @torch.inference_mode()
    def logits(self, segments, out, tiles=None, size=None):
        """With tiles [n, 3, Y, X] of a film of `size` (height, width), ids hold a placeholder for each of its rows."""
        ids = torch.tensor([s["ids"] for s in segments])
        film = {}
        if tiles:
            film = {"pixel_values": torch.from_numpy(np.load(tiles)).to(self.type)[None],
                    "image_sizes": torch.tensor([size])}
        logits = self.whole(input_ids=ids, **film).logits
        np.save(out, logits[0].float().numpy())
        return {"rows": ids.shape[1]}

    def about(self):
        return {"text": f"torch {torch.__version__}, transformers {transformers.__version__}, sdpa"}


def serve(out):
    w = Worker()
    for line in sys.stdin:
        r = json.loads(line)
        try:
            reply = getattr(w, r.pop("do"))(**r)
        except Exception as e:  # told to whoever asked
            reply = {"error": f"{type(e).__name__}: {e}"}
        out.write(json.dumps(reply) + "\n")
        out.flush()


@torch.inference_mode()
def first(out, path, film, question, type="bf16", threads=2):
    import PIL.Image
    processor = transformers.AutoProcessor.from_pretrained(path)
    model = model_of(path, type, threads)
    loaded = time.monotonic()
    talk = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}]
    text = processor.apply_chat_template(talk, add_generation_prompt=True)
    inputs = processor(images=PIL.Image.open(film).convert("RGB"), text=text, return_tensors="pt").to(TYPES[type])
    prepared = time.monotonic()
    ids = model.generate(**inputs, max_new_tokens=1, do_sample=False)
    out.write(json.dumps({"prompt_tokens": inputs["input_ids"].shape[1], "id": ids[0, -1].item(),
                          "load_s": loaded - begun, "prepare_s": prepared - loaded,
                          "model_s": time.monotonic() - prepared}) + "\n")
    out.flush()


with os.fdopen(replies, "w") as stream:
    if sys.argv[1:2] == ["first"]:
        first(stream, *sys.argv[2:])
    else:
        serve(stream)
