"""Makes tests/data/tokenizer: a small byte-level BPE tokenizer of our own and what the
original libraries do with it. Needs tokenizers 0.21, transformers 4.53, jinja2 3.1.

    python3 tools/oracle/text_vectors.py tests/data/tokenizer

  tokenizer.json     trained here on the text below: 256 bytes, 300 merges, five special tokens, and two
                     added tokens that are not special, one of them to be matched after form C
  vectors.json       "encode": [text, ids]   control strings in the text are parsed
                     "decode": [ids, text, text without special tokens]
                     "templates": name, jinja source; "render": [template, messages, image, text, ids]
                     (ids is null where a message holds control strings: the original would parse them)
"""
import json
import os
import random
import sys

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers.utils.chat_template_utils import render_jinja_template

PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
           r"|\s+(?!\S)|\s+")
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>", "<video>"]
TEXT = """The film shows the heart and the lungs. The heart is enlarged, the lungs are clear on both sides.
There is no pleural effusion, there is no pneumothorax. A small opacity lies in the left lower lung, another one
in the right upper lung; both may be nodules. The user asks, the assistant answers: where is the opacity?
    It is in the left lower zone, at [0.55, 0.61, 0.9, 0.97].\n\n\tThe heart's size isn't normal, we'll see it again.
Le c\u0153ur est \u00e9largi, les poumons sont clairs.  \u5fc3\u810f\u6269\u5927\u3002 """ * 3


def make_tokenizer():
    tok = Tokenizer(models.BPE())
    tok.normalizer = normalizers.NFC()
    tok.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tok.decoder = decoders.ByteLevel()
    tok.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(vocab_size=556, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False)
    tok.train_from_iterator([TEXT], trainer)
    tok.add_special_tokens([AddedToken(s, normalized=False, special=True) for s in SPECIAL])
    tok.add_tokens([AddedToken("<box>", normalized=False), AddedToken("\u00e9lan", normalized=True)])
    return tok


def random_text(rng):
    pools = ["abcdefghijklmnop ELRTSMVD'", " \n\t\r\x0b\x0c\x1c\x1f\x85\xa0\u1680\u180e\u2003\u200b\u2028\u202f\u3000\ufeff",
             "0123456789\u00b2\u00bd\u0663\u2167", "!?.,;:[]()<>|/-+", "e\u0301\u0327\u0323\u0300o\u0308\u1100\u1161\u11a8",
             "\u5fc3\u810f\u6269\u5927\u3002\U0001fa7b\U0001f469\u200d\u2695\ufe0f", "s\u017fS't\u212aK", "\x00\x7f\u0100\u0143\u00ad"]
    words = SPECIAL + ["<box>", "\u00e9lan", "e\u0301lan", "<|im_", "<imag", "<|im_start|", " heart", "'LL", "'s", "\r\n", "   "]
    chosen = rng.sample(pools, rng.randint(1, 4))
    return "".join(rng.choice(words) if rng.random() < 0.12 else rng.choice(rng.choice(chosen)) for _ in range(rng.randint(0, 40)))


def templates():
    """Our own wording of the known shapes, in several layouts."""
    turn = "{{ '<|im_start|>' + message['role'] + '%s' }}"
    loop = "{%% for content in message['content'] | selectattr('type', 'equalto', '%s') %%}"
    answer = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"

    def lists(after, image, before, end):
        return ("{% for message in messages %}" + turn % after + loop % "image" + "{{ '" + image + "' }}{% endfor %}" + loop % "text"
                + "{{ " + before + "content['text'] }}{% endfor %}{{ '" + end + "' }}{% endfor %}" + answer)

    spread = """{#- laid out by hand -#}
{% for message in messages %}
    {# the head of a turn #}
    {{- "<|im_start|>" ~ message.role ~ "\\n" -}}
    {% for content in message.content | selectattr("type", "equalto", "image") %}
        {{- "<image>\\n" -}}
    {% endfor %}
    {% if message.role == "assistant" %}
        {% for content in message.content | selectattr("type", "equalto", "text") %}{% generation %}{{- content.text -}}{% endgeneration %}{% endfor %}

    {%- else %}
        {% for content in message.content | selectattr("type", "equalto", "text") %}{{- content.text -}}{% endfor %}

    {%- endif %}
    {{- "<|im_end|>\\n" -}}
{% endfor %}
{% if add_generation_prompt %}
    {{- "<|im_start|>assistant\\n" -}}
{% endif %}
"""
    system = "{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\nSYSTEM<|im_end|>\\n' }}{% endif %}"
    plain = "{% for message in messages %}{system}" + turn % "\\n" + "{{ message['content'] }}<|im_end|>\n{% endfor %}" + answer
    return {
        "llava-onevision": lists("\\n", "<image>\\n", "", "<|im_end|>\\n"),
        "llava-onevision, spread": spread,
        "llava-hf": lists(" ", "<image>", "'\\n' + ", "<|im_end|>"),
        "lists": lists("\\n\\n", "\\n<image>", "' ' + ", "\\n<|im_end|>"),
        "qwen2": plain.replace("{system}", system.replace("SYSTEM", "You are a helpful assistant.")),
        "chatml": plain.replace("{system}", ""),
        "plain": plain.replace("{system}", system.replace("SYSTEM", "You read films.")),
    }


def random_messages(rng, control):
    turns = rng.randint(1, 5)
    out = []
    for i in range(turns):
        role = rng.choice(["user", "assistant", "system"]) if rng.random() < 0.3 else ["user", "assistant"][i % 2]
        text = rng.choice(["", "\n", " heart", "The heart is enlarged.", "\n\nWhere?", "  two", "caf\u00e9\u0301", "user", "a\n"])
        if control:
            text += rng.choice(SPECIAL) + rng.choice(["", "x", "\n"])
        out.append({"role": role, "content": text})
    return out


def render(name, source, messages, image):
    shaped, done = [], not image
    for m in messages:
        text = m["content"]
        take = not done and m["role"] == "user"
        done = done or take
        if "content['text']" in source or "content.text" in source:
            shaped.append({"role": m["role"], "content": [{"type": "image"}] * take + [{"type": "text", "text": text}]})
        else:
            shaped.append({"role": m["role"], "content": "<image>\n" * take + text})
    out = render_jinja_template(conversations=[shaped], chat_template=source, add_generation_prompt=True)
    return out[0][0]


def main(folder):
    rng = random.Random(20)
    tok = make_tokenizer()
    os.makedirs(folder, exist_ok=True)
    tok.save(os.path.join(folder, "tokenizer.json"), pretty=False)
    texts = ["", "Hello world", " Hello world"] + SPECIAL + [random_text(rng) for _ in range(160)]
    out = {"made": f"tools/oracle/text_vectors.py, tokenizers {tokenizers.__version__}"}
    out["encode"] = [[t, tok.encode(t, add_special_tokens=False).ids] for t in texts]
    size = tok.get_vocab_size()
    lists = [[rng.randrange(256) for _ in range(rng.randint(1, 14))] for _ in range(60)]
    lists += [[rng.randrange(size + 4) for _ in range(rng.randint(1, 14))] for _ in range(60)]
    out["decode"] = [[ids, tok.decode(ids, skip_special_tokens=False), tok.decode(ids, skip_special_tokens=True)] for ids in lists]
    out["templates"] = templates()
    out["render"] = []
    for name, source in out["templates"].items():
        for i in range(24):
            control = i % 6 == 5
            messages = random_messages(rng, control)
            image = i % 2 == 0 and any(m["role"] == "user" for m in messages)
            text = render(name, source, messages, image)
            ids = None if control else tok.encode(text, add_special_tokens=False).ids
            out["render"].append([name, messages, image, text, ids])
    with open(os.path.join(folder, "vectors.json"), "w") as f:
        f.write("{\n" + ",\n".join(
            json.dumps(k) + ": " + ("[\n" + ",\n".join(json.dumps(x) for x in v) + "\n]" if isinstance(v, list) else json.dumps(v, indent=1))
            for k, v in out.items()) + "\n}\n")


if __name__ == "__main__":
    main(sys.argv[1])
