#!/usr/bin/env python3
"""Asks a model about a film: demo_radvlm.py --model-path DIR --image FILM [--prompt TEXT]"""

import argparse
import sys

from radvlm_helpers import ThoraxError, inference_radvlm, load_radvlm


def main():
    parser = argparse.ArgumentParser(description="Ask a RadVLM folder about a chest film (research use only).")
    parser.add_argument("--model-path", required=True, metavar="DIR", help="model folder, as published")
    parser.add_argument("--image", required=True, metavar="FILM", help="PNG or JPEG file")
    parser.add_argument("--prompt", default="Provide a radiology report for this Chest X-Ray.", metavar="TEXT")
    parser.add_argument("--max-new-tokens", type=int, default=512, metavar="N")
    a = parser.parse_args()
    try:
        model, processor, _ = load_radvlm(a.model_path)
        text, _ = inference_radvlm(model, processor, a.image, a.prompt, max_new_tokens=a.max_new_tokens)
    except (ThoraxError, ValueError, MemoryError, OSError) as e:
        sys.exit(f"demo_radvlm: {e}")
    print(text)


if __name__ == "__main__":
    main()
