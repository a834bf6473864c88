"""Makes tests/data/llama and tests/data/bert: a small SentencePiece model and a small WordPiece vocabulary of
our own, and what the original tokenizers do with them. Needs sentencepiece 0.1.99, transformers 4.31.0,
tokenizers 0.13.3 (the releases that LLaVA-Rad asks for), protobuf.

    python3 tools/oracle/piece_vectors.py tests/data

  llama/tokenizer.model   trained here on the text below: BPE, bytes, digits apart, no normalisation
  llama/vectors.json      by kind of folder (legacy, current, bare: the special tokens as bare texts):
                          "encode": [text, ids] with <s>; "decode": [ids, text, text without special tokens];
                          "json": [text, ids] of json/tokenizer.json, the fast form of legacy
                          "pieces": by change of a copy of the model (EDIT.model): [text, ids] of the bare library
  bert/vocab.txt          pieces of the same text; bert/vectors.json: "encode", "decode" (cleaned up)
                          "cased": [text, ids] with do_lower_case false
Texts on which the slow and the fast tokenizer of BERT disagree are left out: they differ in the release of Unicode.
"""
import io
import json
import os
import random
import sys

import sentencepiece
import transformers
from sentencepiece import sentencepiece_model_pb2 as pb
from transformers import BertTokenizer, BertTokenizerFast, LlamaTokenizer, LlamaTokenizerFast

TEXT = """The film shows the heart and the lungs. The heart is enlarged, the lungs are clear on both sides.
There is no pleural effusion, there is no pneumothorax. A small opacity lies in the left lower lung, another one
in the right upper lung; both may be nodules. The USER asks, the ASSISTANT answers: where is the opacity?
    It is in the left lower zone, at 2.5 cm from the hilum.\n\n\tThe heart's size isn't normal, we'll see it again.
Le c\u0153ur est \u00e9largi, les poumons sont clairs. Das Herz ist gro\u00df. \u5fc3\u810f\u6269\u5927\u3002 x</w y<s z """ * 3
POOLS = ["abcdefghijklmnop ELRTSMVD'", " \n\t\r\x0b\x0c\x1c\x1f\x85\xa0\u1680\u2003\u200b\u2028\u202f\u3000\ufeff",
         "0123456789\u00b2\u00bd\u0663\u2167", "!?.,;:[]()<>|/-+_@#`~^", "e\u0301\u0327\u0323\u0300o\u0308\u00c5\u0130\u00df\u1100\u1161\u11a8\uac01",
         "\u5fc3\u810f\u6269\u5927\u3002\U0001fa7b\U0001f469\u200d\u2695\ufe0f\uf900", "\u2581 \u2581\u2581a", "\x01\x7f\u0100\u0143\u00ad\ufffd\u0391\u03a9\u043f"]
WORDS = ["</s>", "<s>", "<unk>", "[CLS]", "[SEP]", "[MASK]", "[UNK]", "[cls]", "<0x0A>", "</", "\u2581", " heart", "The", "USER: ", "  ", "\n", "'ll", "n't"]


def random_text(rng):
    chosen = rng.sample(POOLS, rng.randint(1, 4))
    return "".join(rng.choice(WORDS) if rng.random() < 0.15 else rng.choice(rng.choice(chosen)) for _ in range(rng.randint(0, 40)))


def texts(rng, n):
    fixed = ["", " ", "  ", "\n", "\u2581", "</s>", "<s></s>", " </s> ", "x</s>USER: y", "a\n</s>\nb", "x</s> y", "x</s>\u2581y", "</s></s>a", "a <s> b",
             "The heart size is normal.", "2.5 cm", "\u00e9", "<unk>the", "the</s>the", "</s>the</s> the", "a" * 101, "b" * 100 + " c", "\x00a\x00"]
    return fixed + [random_text(rng) for _ in range(n)]


def make_model():
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT.split("\n")), model_writer=out, vocab_size=480, model_type="bpe", byte_fallback=True, split_digits=True,
        allow_whitespace_only_pieces=True, normalization_rule_name="identity", remove_extra_whitespaces=False, character_coverage=0.995, num_threads=1,
        minloglevel=2)
    m = pb.ModelProto()
    m.ParseFromString(out.getvalue())
    m.trainer_spec.ClearField("input")
    return m


def write(path, text):
    with open(path, "w", encoding="utf-8", newline="\n") as f:
        f.write(text)


def text_of(value):
    """JSON with a case a line."""
    if isinstance(value, dict):
        return "{" + ",\n".join(json.dumps(k) + ": " + text_of(v) for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[\n" + ",\n".join(json.dumps(v) for v in value) + "]"
    return json.dumps(value)


def llama_folders(m, work):
    token = lambda s: {"__type": "AddedToken", "content": s, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    configs = {"legacy": ({"legacy": True}, None), "current": ({"legacy": False, **{k: token(v) for k, v in names.items()}},
                                                            {**{k: {x: y for x, y in token(v).items() if x != "__type"} for k, v in names.items()}, "pad_token": "<unk>"}),
               "bare": ({"legacy": False}, names)}
    for kind, (config, special) in configs.items():
        d = os.path.join(work, kind)
        os.makedirs(d, exist_ok=True)
        open(os.path.join(d, "tokenizer.model"), "wb").write(m.SerializeToString())
        config = {"add_bos_token": True, "add_eos_token": False, "clean_up_tokenization_spaces": False, "model_max_length": 4096, "tokenizer_class": "LlamaTokenizer", **config}
        write(os.path.join(d, "tokenizer_config.json"), json.dumps(config))
        if special:
            write(os.path.join(d, "special_tokens_map.json"), json.dumps(special))
        yield kind, config, special, LlamaTokenizer.from_pretrained(d)


def edited(m, edit):
    """Copies of the model: other switches, pieces of other types."""
    n = pb.ModelProto()
    n.CopyFrom(m)
    if edit == "no-prefix":
        n.normalizer_spec.add_dummy_prefix = False
    if edit == "no-bytes":
        n.trainer_spec.byte_fallback = False
        keep = [p for p in n.pieces if p.type != 6]
        del n.pieces[:]
        n.pieces.extend(keep)
    if edit == "unused":
        for i, p in enumerate(n.pieces):
            if p.type == 1 and len(p.piece) > 1 and i % 3 == 0:
                p.type = 5
    if edit == "user":
        for s in ("he", "\u2581lung", "</s", "\u5fc3\u810f"):
            p = next((p for p in n.pieces if p.piece == s), None) or n.pieces.add()
            p.piece, p.score, p.type = s, 0.0, 4
    if edit == "ties":
        for p in n.pieces:
            p.score = float(-(len(p.piece) % 3))
    return n


def llama(root):
    rng = random.Random(5)
    m = make_model()
    out = {"made": f"tools/oracle/piece_vectors.py, sentencepiece {sentencepiece.__version__}, transformers {transformers.__version__}", "folders": {}, "pieces": {}}
    os.makedirs(root, exist_ok=True)
    open(os.path.join(root, "tokenizer.model"), "wb").write(m.SerializeToString())
    for kind, config, special, tok in llama_folders(m, "/tmp/piece-vectors"):
        encode = [[t, tok(t).input_ids] for t in texts(rng, 120)]
        ids = [[rng.randrange(len(m.pieces)) for _ in range(rng.randint(0, 12))] for _ in range(60)]
        ids += [i for _, i in encode[:60]] + [[rng.choice([1, 2, 0, 3 + 0xe5, 3 + 0xbf, 3 + 0x83, 3 + 0x41, 3 + 0xf0, 300, 310]) for _ in range(9)] for _ in range(40)]
        decode = [[i, tok.decode(i), tok.decode(i, skip_special_tokens=True)] for i in ids]
        out["folders"][kind] = {"config": config, "special": special, "encode": encode, "decode": decode}
    fast = LlamaTokenizerFast.from_pretrained("/tmp/piece-vectors/legacy")
    os.makedirs(os.path.join(root, "json"), exist_ok=True)
    fast.backend_tokenizer.save(os.path.join(root, "json", "tokenizer.json"), pretty=False)
    out["json"] = [[t, fast(t).input_ids] for t in texts(rng, 120)]
    for edit in ("no-prefix", "no-bytes", "unused", "user", "ties"):
        n = edited(m, edit)
        sp = sentencepiece.SentencePieceProcessor(model_proto=n.SerializeToString())
        open(os.path.join(root, edit + ".model"), "wb").write(n.SerializeToString())
        out["pieces"][edit] = [[t, sp.encode(t)] for t in texts(rng, 60)]
    write(os.path.join(root, "vectors.json"), text_of(out) + "\n")


def bert(root):
    rng = random.Random(6)
    os.makedirs(root, exist_ok=True)
    words = sorted(set("".join(c if c.isalnum() else " " for c in TEXT.lower()).split()))
    chars = sorted(set("".join(words)) | set("abcdefghijklmnopqrstuvwxyz0123456789"))
    signs = list(".,;:!?'()[]<>/-+_") + ["\u3002", "\u03b1"]
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + signs + chars + ["##" + c for c in chars] + [w for w in words[::2] if len(w) > 1]
    vocab += ["##" + w for w in ("ed", "ing", "s", "er", "ion", "art")] + ["The", "Heart", "##E"]
    vocab = list(dict.fromkeys(vocab))
    write(os.path.join(root, "vocab.txt"), "\n".join(vocab) + "\n")
    out = {"made": f"tools/oracle/piece_vectors.py, transformers {transformers.__version__}"}
    for name, lower in (("encode", True), ("cased", False)):
        work = "/tmp/piece-vectors/" + name
        os.makedirs(work, exist_ok=True)
        write(os.path.join(work, "vocab.txt"), "\n".join(vocab) + "\n")
        slow, fast = (c.from_pretrained(work, do_lower_case=lower) for c in (BertTokenizer, BertTokenizerFast))
        both = [(t, slow(t).input_ids, fast(t).input_ids) for t in texts(rng, 200)]
        out[name] = [[t, a] for t, a, b in both if a == b]
        print(name, len(both) - len(out[name]), "texts left out:", [t for t, a, b in both if a != b][:5])
        if lower:
            ids = [[rng.randrange(len(vocab)) for _ in range(rng.randint(0, 12))] for _ in range(60)] + [i for _, i in out[name][:40]]
            out["decode"] = [[i, slow.decode(i), slow.decode(i, skip_special_tokens=True)] for i in ids]
    write(os.path.join(root, "vectors.json"), text_of(out) + "\n")


if __name__ == "__main__":
    llama(os.path.join(sys.argv[1], "llama"))
    bert(os.path.join(sys.argv[1], "bert"))
