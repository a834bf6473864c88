"""Tokenizer of the demo model (made from the phantoms' own texts) and the sequences it is trained on.

    python text.py FOLDER       writes FOLDER/tokenizer.json
"""
import random
import re
import sys

import numpy as np
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import phantoms

SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
ADDED = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>", "<video>"]
MERGES = 900
EXTRA = ["Yes", "No", "user", "assistant", "system", "You are a helpful assistant.", "What do you see?", "Thank you.", "Is the heart enlarged?"]


def make_tokenizer(folder):
    lines = list(EXTRA) * 40
    for i in range(1500):
        _, truth = phantoms.draw(20260, i)
        for t in phantoms.texts(truth)["turns"]:
            lines += [t["question"], t["answer"]]
    t = Tokenizer(models.BPE(continuing_subword_prefix="", end_of_word_suffix="", fuse_unk=False))
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(SPLIT), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.post_processor, t.decoder = processors.ByteLevel(trim_offsets=False), decoders.ByteLevel()
    t.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=256 + MERGES, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    t.add_special_tokens([AddedToken(a, special=True, normalized=False) for a in ADDED])
    t.save(f"{folder}/tokenizer.json")


BOX = re.compile(r"\[([\d.]+), ([\d.]+), ([\d.]+), ([\d.]+)\]")


class Words:
    """Ids of the chat template's pieces and of texts."""

    def __init__(self, folder):
        self.t = Tokenizer.from_file(f"{folder}/tokenizer.json")
        self.rows = -(-self.t.get_vocab_size() // 64) * 64           # rows of the embedding
        self.bos, self.start, self.end, self.image, _ = (self.t.token_to_id(a) for a in ADDED)
        self.head = [self.start] + self.ids("user\n")                 # then the image, then a question
        self.cache = {}

    def ids(self, text):
        return self.t.encode(text, add_special_tokens=False).ids

    def turn(self, question, answer, first):
        """ids, which of them are learnt (answer and end; what comes before is given), and for ids within a box that box."""
        key = (question, first)
        if key not in self.cache:
            before = self.ids("\n" + question) if first else self.ids("\n") + [self.start] + self.ids("user\n" + question)
            self.cache[key] = before + [self.end] + self.ids("\n") + [self.start] + self.ids("assistant\n")
        q = self.cache[key]
        if answer is None:
            return q, [False] * len(q), [None] * len(q)
        e = self.t.encode(answer, add_special_tokens=False)
        spans = [(m.start(), m.end() - 1, [float(v) for v in m.groups()]) for m in BOX.finditer(answer)]
        box = [next((b for first, end, b in spans if first <= at[0] < end), None) for at in e.offsets]
        box = [b and b + [self.remainder(answer, at[0])] for b, at in zip(box, e.offsets)]
        return q + e.ids + [self.end], [False] * len(q) + [True] * (len(e.ids) + 1), [None] * len(q) + box + [None]

    @staticmethod
    def remainder(answer, at):
        """At the first digit behind a point: the second one, as a share of ten; elsewhere -1."""
        if not answer[at].isdigit() or answer[at - 1] != ".":
            return -1.0
        return int(answer[at + 1]) / 10 if answer[at + 1].isdigit() else 0.0


def choose(turns, rng):
    """The turns of one sequence, as branches of one to four turns each (branches do not see each other)."""
    of = lambda *tasks: [t for t in turns if t["task"] in tasks]
    regions = [t for t in of("ground") if t["label"] in phantoms.REGIONS]
    labels = [t for t in of("ground") if t["label"] not in phantoms.REGIONS]
    there, absent = [t for t in labels if "[" in t["answer"]], [t for t in labels if "[" not in t["answer"]]
    checks = of("ask")
    yes, no = [t for t in checks if t["answer"] == "Yes."], [t for t in checks if t["answer"] != "Yes."]
    pick = rng.sample(regions, 5) + there + rng.sample(absent, min(1, len(absent))) + rng.sample(yes, min(1, len(yes))) + rng.sample(no, min(1, len(no)))
    phrases = of("phrase")
    pick += of("report", "classify") + rng.sample(phrases, min(1, len(phrases)))
    rng.shuffle(pick)
    branches, at = [], 0
    while at < len(pick):
        n = 1 if rng.random() < 0.7 else rng.randint(2, 4)
        branches.append(pick[at:at + n])
        at += n
    return branches


def sequence(words, turns, rng):
    """Text part of one film: ids, learnt, branch number (from 1), position after the image, box and remainder (or -1), as arrays."""
    ids, learnt, branch, position, boxes = [], [], [], [], []
    for b, turns_of in enumerate(choose(turns, rng), 1):
        p = 0
        for k, t in enumerate(turns_of):
            i, l, x = words.turn(t["question"], t["answer"], k == 0)
            ids += i
            learnt += l
            boxes += [v or [-1.0] * 5 for v in x]
            branch += [b] * len(i)
            position += range(p, p + len(i))
            p += len(i)
    return np.array(ids), np.array(learnt), np.array(branch), np.array(position), np.array(boxes, np.float32)


if __name__ == "__main__":
    make_tokenizer(sys.argv[1])
    w = Words(sys.argv[1])
    print(w.t.get_vocab_size(), w.rows, w.start, w.end, w.image)
    _, truth = phantoms.draw(1, 1)
    s = sequence(w, phantoms.texts(truth)["turns"], random.Random(0))
    print(len(s[0]), s[1].sum(), s[2].max())
