#!/usr/bin/env python3
"""A first question and a follow-up about one film: example_conversation.py MODEL FILM"""

import sys

from radvlm_helpers import inference_radvlm, load_radvlm

model_path, film = sys.argv[1:3]
model, processor, device = load_radvlm(model_path)

text, history = inference_radvlm(model, processor, film, "Provide a radiology report for this Chest X-Ray.", max_new_tokens=64)
print("report:", text)

# The picture is not looked at again, and the history is not computed again.
text, history = inference_radvlm(model, processor, film, "Where is the heart located in this Chest X-ray?",
                                 chat_history=history, max_new_tokens=64)
print("heart:", text)
print("turns:", len(history))
