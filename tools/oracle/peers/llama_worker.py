"""llama.cpp as a process that answers: a JSON request a line in, a JSON reply a line out.

    {"do":"load","path":P,"threads":2,"ctx":N,"batch":N,"ubatch":N,"fa":true,"kv":"f16"}    {"ok":true}
    {"do":"prompt","tokens":N}             {"seconds":S}   of N random ids, the last one's logits wanted
    {"do":"decode","tokens":N}             {"seconds":S}   of N single steps behind a short prompt
    {"do":"logits","segments":[…],"out":F} {"rows":T}      f32 [T, V] into a NumPy file; a segment is
                                                           {"ids":[…]} or {"rows":FILE} (embeddings f32 [n, D])
    {"do":"quantize","from":A,"to":B,"type":"q8_0"|"q4_k_m"}
    {"do":"about"}                         {"text":…}

Speaks through the bindings of the PyPI package llama-cpp-python. Where a build of llama.cpp of the same
version is at hand, LLAMA_CPP_LIB_PATH names the folder of its libllama.so.
"""

import ctypes
import json
import os
import random
import sys
import time

replies = os.dup(1)  # what libraries print must not get between replies
os.dup2(2, 1)

import numpy as np
import llama_cpp.llama_cpp as L

KV = {"f32": 0, "f16": 1, "bf16": 30}


@L.llama_log_callback
def quiet(level, text, data):
    pass


class Worker:
    def __init__(self):
        L.llama_log_set(quiet, None)
        L.llama_backend_init()
        self.model = self.context = None
        self.path = None

    def close(self):
        if self.context:
            L.llama_free(self.context)
        self.context = None

    def load(self, path, threads=2, ctx=1024, batch=2048, ubatch=512, fa=True, kv="f16"):
        self.close()
        if path != self.path:
            if self.model:
                L.llama_model_free(self.model)
            self.model, self.path = None, None
            self.model = L.llama_model_load_from_file(path.encode(), L.llama_model_default_params())
            if not self.model:
                raise RuntimeError(f"{path}: llama.cpp cannot load it")
            self.path = path
        p = L.llama_context_default_params()
        p.n_ctx, p.n_batch, p.n_ubatch, p.n_seq_max = ctx, max(batch, ubatch), ubatch, 1
        p.n_threads = p.n_threads_batch = threads
        p.flash_attn_type = 1 if fa else 0
        p.type_k = p.type_v = KV[kv]
        p.no_perf = True
        self.context = L.llama_init_from_model(self.model, p)
        if not self.context:
            raise RuntimeError(f"{path}: no context of {ctx} tokens")
        self.batch = max(batch, ubatch)
        self.V = L.llama_vocab_n_tokens(L.llama_model_get_vocab(self.model))
        self.D = L.llama_model_n_embd(self.model)
        return {"ok": True}

    def forget(self):
        L.llama_memory_clear(L.llama_get_memory(self.context), True)

    def decode_ids(self, ids):
        """Runs ids in batches; the logits of the last one are kept, as llama_batch_get_one does it."""
        for i in range(0, len(ids), self.batch):
            part = ids[i:i + self.batch]
            array = (L.llama_token * len(part))(*part)
            if L.llama_decode(self.context, L.llama_batch_get_one(array, len(part))):
                raise RuntimeError("llama_decode failed")
        L.llama_synchronize(self.context)

    def random_ids(self, n):
        return [random.randrange(self.V) for _ in range(n)]

    def prompt(self, tokens):
        ids = self.random_ids(tokens)
        self.forget()
        begin = time.monotonic()
        self.decode_ids(ids)
        return {"seconds": time.monotonic() - begin}

    def decode(self, tokens, depth=16):
        self.forget()
        self.decode_ids(self.random_ids(depth))
        ids = self.random_ids(tokens)
        begin = time.monotonic()
        for i in ids:
            self.decode_ids([i])
        return {"seconds": time.monotonic() - begin}

    def run(self, position, ids=None, rows=None):
        """All logits of one batch, f32 [n, V]."""
        n = len(ids) if rows is None else len(rows)
        b = L.llama_batch_init(n, 0 if rows is None else self.D, 1)
        b.n_tokens = n
        if rows is not None:
            ctypes.memmove(b.embd, np.ascontiguousarray(rows, np.float32).ctypes.data, n * self.D * 4)
        for i in range(n):
            if rows is None:
                b.token[i] = ids[i]
            b.pos[i] = position + i
            b.n_seq_id[i] = 1
            b.seq_id[i][0] = 0
            b.logits[i] = 1
        failed = L.llama_decode(self.context, b)
        L.llama_batch_free(b)
        if failed:
            raise RuntimeError("llama_decode failed")
        L.llama_synchronize(self.context)
        return np.ctypeslib.as_array(L.llama_get_logits(self.context), (n * self.V,)).reshape(n, self.V).copy()

    def logits(self, segments, out):
        parts, position = [], 0
        self.forget()
        for s in segments:
            rows = np.load(s["rows"]) if "rows" in s else None
            n = len(rows) if rows is not None else len(s["ids"])
            for i in range(0, n, self.batch):
                m = min(self.batch, n - i)
                parts.append(self.run(position, rows=rows[i:i + m]) if rows is not None
                             else self.run(position, ids=s["ids"][i:i + m]))
                position += m
        np.save(out, np.concatenate(parts))
        return {"rows": position}

    def quantize(self, source, to, type, threads=2):
        p = L.llama_model_quantize_default_params()
        p.ftype = {"q8_0": L.LLAMA_FTYPE_MOSTLY_Q8_0, "q4_k_m": L.LLAMA_FTYPE_MOSTLY_Q4_K_M}[type]
        p.nthread = threads
        if L.llama_model_quantize(source.encode(), to.encode(), ctypes.byref(p)):
            raise RuntimeError(f"{source}: llama.cpp cannot quantise it")
        return {"ok": True}

    def about(self):
        return {"text": L.llama_print_system_info().decode()}


def main():
    w = Worker()
    with os.fdopen(replies, "w") as out:
        for line in sys.stdin:
            r = json.loads(line)
            if "from" in r:
                r["source"] = r.pop("from")
            try:
                reply = getattr(w, r.pop("do"))(**r)
            except Exception as e:  # told to whoever asked
                reply = {"error": f"{type(e).__name__}: {e}"}
            out.write(json.dumps(reply) + "\n")
            out.flush()


main()
