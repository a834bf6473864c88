"""Makes tests/data/encoder: small tokenizers of our own of the kinds that text encoders have, and what the original makes of
texts with them. Needs transformers 4.53.3, tokenizers 0.21.4, sentencepiece 0.2, protobuf.

    python3 tools/oracle/encoder_vectors.py tests/data/encoder

  unigram/    spm.model, trained here with a small table of characters, and the tokenizer.json of DeBERTa-v2's fast class
  roberta/    tokenizer.json, and vocab.json, merges.txt with a tokenizer_config.json
  modern/     tokenizer.json as ModernBERT has it: form C, added tokens of blanks, a mask that takes blanks before it
  mpnet/      vocab.txt and a tokenizer_config.json whose special tokens are looked for in small letters
  vectors.json  by folder: [text, ids] of the fast class. Texts on which a change of form alone (NFC twice) changes ids are kept.
"""
import json
import os
import random
import sys

import sentencepiece
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import DebertaV2TokenizerFast, MPNetTokenizerFast, RobertaTokenizerFast

TEXT = """The film shows the heart and the lungs. The heart is enlarged, the lungs are clear on both sides.
There is no pleural effusion, there is no pneumothorax. A small opacity lies in the left lower lung, another one
in the right upper lung; both may be nodules. It is in the left lower zone, at 2.5 cm from the hilum. The heart's size isn't normal.
Le c\u0153ur est \u00e9largi. Das Herz ist gro\u00df. \u5fc3\u810f\u6269\u5927\u3002"""
# What becomes of what, in code points: blanks, a ligature, a fraction, full width, a letter with its mark, a mark alone, nothing
RULES = {"9": "20", "A": "20", "3000": "20", "A0": "20", "FB01": "66 69", "BD": "31 2044 32", "FF21": "41", "65 301": "E9", "308": "", "200B": "",
         "AD": ""}
POOLS = ["abcdefghijklmnop ELRTSMVD'", " \n\t\r\x0b\x1c\x85\xa0\u1680\u2003\u200b\u2028\u3000\ufeff", "0123456789\u00b2\u00bd\u0663", "!?.,;:[]()<>|/-+_@#",
         "e\u0301\u0327\u0300o\u0308\u00c5\u0130\u00df\u1100\u1161\u11a8", "\u5fc3\u810f\u3002\U0001fa7b\U0001f469\u200d\u2695\ufe0f", "\u2581 \u2581\u2581a",
         "\x01\x7f\u0100\u00ad\ufffd\u0391\ufb01\uff21"]
WORDS = ["</s>", "<s>", "<unk>", "[CLS]", "[SEP]", "[MASK]", "[UNK]", "[cls]", "[unk]", "<mask>", "<MASK>", "<S>", "<pad>", "\u2581", " heart", "The", "  ", "   ",
         "\n", "'ll", "n't", "film", "lungs"]


def texts(rng, n):
    fixed = ["", " ", "  ", "\n", "\u2581", " a", "a  b", "The heart size is normal.", "2.5 cm", "\u00e9 e\u0301", "</s>", "x <mask> y", "x [MASK]y", "a" * 101,
             "b" * 100 + " c", "\x00a", "e\u0301\u0308a", "\U0001f469\u200d\u2695\ufe0f"]
    def one():
        chosen = rng.sample(POOLS, rng.randint(1, 4))
        return "".join(rng.choice(WORDS) if rng.random() < 0.2 else rng.choice(rng.choice(chosen)) for _ in range(rng.randint(0, 24)))
    return fixed + [one() for _ in range(n)]


def put(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="\n") as f:
        f.write(value if isinstance(value, str) else json.dumps(value, ensure_ascii=True))


def unigram(folder):
    os.makedirs(folder, exist_ok=True)
    rules = folder + "/rules.tsv"
    put(rules, "".join(f"{a}\t{b}\n" for a, b in RULES.items()))
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT.split("\n") * 3), model_prefix=folder + "/spm", vocab_size=150, hard_vocab_limit=False, model_type="unigram", pad_id=0, bos_id=1, eos_id=2, unk_id=3,
        pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]", normalization_rule_tsv=rules, character_coverage=0.99, num_threads=1,
        user_defined_symbols=["lower"], minloglevel=2)
    os.remove(rules)
    os.remove(folder + "/spm.vocab")
    t = DebertaV2TokenizerFast(vocab_file=folder + "/spm.model")
    t.backend_tokenizer.save(folder + "/tokenizer.json", pretty=False)
    return t


def byte_level(added, special):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(TEXT.split("\n"), trainers.BpeTrainer(vocab_size=330, special_tokens=special, show_progress=False,
                                                                initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    t.add_tokens(added)
    return t


def roberta(folder):
    t = byte_level([], ["<s>", "<pad>", "</s>", "<unk>"])
    vocab = t.get_vocab()
    vocab["<mask>"] = len(vocab)
    merges = json.loads(t.to_str())["model"]["merges"]
    put(folder + "/vocab.json", dict(sorted(vocab.items(), key=lambda x: x[1])))
    put(folder + "/merges.txt", "#version: 0.2\n" + "".join(" ".join(m) + "\n" for m in merges))
    put(folder + "/tokenizer_config.json", {"tokenizer_class": "RobertaTokenizer", "model_max_length": 64})
    t = RobertaTokenizerFast(vocab_file=folder + "/vocab.json", merges_file=folder + "/merges.txt")
    t.backend_tokenizer.save(folder + "/tokenizer.json", pretty=False)
    return t


def modern(folder):
    t = byte_level([AddedToken(" " * n, normalized=True) for n in (3, 2)], [])
    t.add_special_tokens([AddedToken("[UNK]", normalized=False), AddedToken("[CLS]", normalized=False), AddedToken("[SEP]", normalized=False),
                          AddedToken("[PAD]", normalized=False), AddedToken("[MASK]", lstrip=True, normalized=False)])
    t.normalizer = normalizers.NFC()
    t.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[(s, t.token_to_id(s)) for s in ("[CLS]", "[SEP]")])
    os.makedirs(folder, exist_ok=True)
    t.save(folder + "/tokenizer.json", pretty=False)
    return lambda x: {"input_ids": t.encode(x).ids}


def mpnet(folder):
    letters = sorted(set(TEXT.lower().replace("\n", "").replace(" ", "").replace("\u00e9", "e")))
    words = ["<s>", "<pad>", "</s>", "[PAD]", "[UNK]"] + letters + ["##" + c for c in letters] + ["the", "heart", "##s", "is", "lung", "##t"]
    words = list(dict.fromkeys(words)) + ["<mask>"]
    put(folder + "/vocab.txt", "".join(w + "\n" for w in words))
    specials = {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>", "unk_token": "[UNK]", "pad_token": "<pad>", "mask_token": "<mask>"}
    described = {str(words.index(w)): {"content": w, "lstrip": w == "<mask>", "normalized": True, "rstrip": False, "single_word": False, "special": True}
                 for w in ("<s>", "<pad>", "</s>", "[UNK]", "<mask>")}
    put(folder + "/tokenizer_config.json", {"tokenizer_class": "MPNetTokenizer", "do_lower_case": True, "added_tokens_decoder": described, **specials})
    return MPNetTokenizerFast.from_pretrained(folder)


def main():
    out = sys.argv[1]
    kinds = {"unigram": unigram, "roberta": roberta, "modern": modern, "mpnet": mpnet}
    lines = []
    for name, make in kinds.items():
        t = make(os.path.join(out, name))
        cases = [json.dumps([x, t(x)["input_ids"]]) for x in texts(random.Random(11), 150)]
        lines.append(f"{json.dumps(name)}: [\n" + ",\n".join(cases) + "]")
    put(os.path.join(out, "vectors.json"), "{" + ",\n".join(lines) + "}\n")


if __name__ == "__main__":
    main()
