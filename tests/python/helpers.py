"""The drop-in functions against the command line: helpers.py THORAX LIBRARY PYTHON_FOLDER

A random checkpoint answers nonsense, but always the same: the command line and the Python functions must
agree on it, whatever way the picture takes into the library."""

import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

THORAX, LIBRARY, FOLDER = (os.path.abspath(x) for x in sys.argv[1:4])
os.environ["THORAX_LIBRARY"] = LIBRARY
sys.path.insert(0, FOLDER)

import radvlm_helpers  # noqa: E402
from radvlm_helpers import ThoraxError, inference_radvlm, load_radvlm  # noqa: E402

try:
    import numpy
except ImportError:
    numpy = None
try:
    import PIL.Image
except ImportError:
    PIL = None

WIDTH, HEIGHT, TOKENS = 60, 50, 6
QUESTION = "Where is the heart?"


def write_png(path, rows, bits, colour):
    """Samples as a PNG; colour 0 is grey, 2 is RGB."""
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    raw = b"".join(b"\0" + row for row in rows)
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, bits, colour, 0, 0, 0)
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))


def grey(x, y):
    return (5 * x + 3 * y * y) % 251


def colours(x, y):
    return grey(x, y), (7 * x + y) % 253, (x * y) % 255


class Helpers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temp = tempfile.TemporaryDirectory(prefix="thorax-python-")
        cls.model_path = os.path.join(cls.temp.name, "model")
        subprocess.run([THORAX, "synth", "model", "--arch", "tiny", "--seed", "5", "-q", "-o", cls.model_path], check=True)
        cls.films = {name: os.path.join(cls.temp.name, name + ".png") for name in ("grey", "deep", "rgb")}
        write_png(cls.films["grey"], [bytes(grey(x, y) for x in range(WIDTH)) for y in range(HEIGHT)], 8, 0)
        write_png(cls.films["deep"], [b"".join(struct.pack(">H", 200 * grey(x, y)) for x in range(WIDTH))
                                      for y in range(HEIGHT)], 16, 0)
        write_png(cls.films["rgb"], [bytes(c for x in range(WIDTH) for c in colours(x, y)) for y in range(HEIGHT)], 8, 2)
        cls.model, cls.processor, cls.device = load_radvlm(cls.model_path)
        cls.expected = {name: cls.ask(path) for name, path in cls.films.items()}

    @classmethod
    def tearDownClass(cls):
        cls.model.close()
        cls.temp.cleanup()

    @classmethod
    def ask(cls, film, question=QUESTION, history=None, precision="auto"):
        extra = []
        if history:
            path = os.path.join(cls.temp.name, "history.json")
            with open(path, "w", encoding="utf-8") as f:
                json.dump([{"role": role, "content": text} for pair in history for role, text in zip(("user", "assistant"), pair)], f)
            extra = ["--history", path]
        out = subprocess.run([THORAX, "ask", "--json", "-m", cls.model_path, "-i", film, "-n", str(TOKENS), "--precision", precision,
                              *extra, question], check=True, stdout=subprocess.PIPE).stdout
        return json.loads(out)["text"]

    def answer(self, image, **more):
        return inference_radvlm(self.model, self.processor, image, QUESTION, max_new_tokens=TOKENS, **more)[0]

    def test_device_is_the_processor(self):
        self.assertEqual(self.device, "cpu")
        self.assertFalse({"torch", "transformers"} & set(sys.modules))

    def test_a_path(self):
        for name, path in self.films.items():
            self.assertEqual(self.answer(path), self.expected[name], name)

    def test_arrays_without_numpy(self):
        flat = bytes(grey(x, y) for y in range(HEIGHT) for x in range(WIDTH))
        self.assertEqual(self.answer(memoryview(flat).cast("B", (HEIGHT, WIDTH))), self.expected["grey"])
        self.assertEqual(self.answer(memoryview(flat).cast("B", (HEIGHT, WIDTH, 1))), self.expected["grey"])
        deep = b"".join(struct.pack("=H", 200 * grey(x, y)) for y in range(HEIGHT) for x in range(WIDTH))
        self.assertEqual(self.answer(memoryview(deep).cast("H", (HEIGHT, WIDTH))), self.expected["deep"])
        last = bytes(c for y in range(HEIGHT) for x in range(WIDTH) for c in colours(x, y))
        self.assertEqual(self.answer(memoryview(last).cast("B", (HEIGHT, WIDTH, 3))), self.expected["rgb"])
        first = bytes(colours(x, y)[c] for c in range(3) for y in range(HEIGHT) for x in range(WIDTH))
        self.assertEqual(self.answer(memoryview(first).cast("B", (3, HEIGHT, WIDTH))), self.expected["rgb"])

    def test_16_bit_channels_first(self):
        deep = b"".join(struct.pack("=H", 257 * colours(x, y)[c]) for c in range(3) for y in range(HEIGHT) for x in range(WIDTH))
        last = b"".join(struct.pack("=H", 257 * c) for y in range(HEIGHT) for x in range(WIDTH) for c in colours(x, y))
        self.assertEqual(self.answer(memoryview(deep).cast("H", (3, HEIGHT, WIDTH))),
                         self.answer(memoryview(last).cast("H", (HEIGHT, WIDTH, 3))))

    @unittest.skipIf(numpy is None, "numpy is not installed")
    def test_numpy(self):
        rgb = numpy.array([[colours(x, y) for x in range(WIDTH)] for y in range(HEIGHT)], numpy.uint8)
        self.assertEqual(self.answer(rgb), self.expected["rgb"])
        self.assertEqual(self.answer(rgb.transpose(2, 0, 1)), self.expected["rgb"])
        deep = numpy.array([[200 * grey(x, y) for x in range(WIDTH)] for y in range(HEIGHT)], numpy.uint16)
        self.assertEqual(self.answer(deep), self.expected["deep"])
        self.assertEqual(self.answer(deep.astype(">u2")), self.expected["deep"])
        self.assertEqual(self.answer(deep.astype(numpy.int32)), self.expected["deep"])
        with self.assertRaises(TypeError):
            self.answer(rgb.astype(numpy.float32))

    @unittest.skipIf(PIL is None, "Pillow is not installed")
    def test_pillow(self):
        for name, path in self.films.items():
            with PIL.Image.open(path) as image:
                image.load()
                self.assertEqual(self.answer(image), self.expected[name], name)
        with PIL.Image.open(self.films["rgb"]) as image:
            self.assertEqual(self.answer(image.convert("RGBA")), self.expected["rgb"])

    def test_history(self):
        film, question = self.films["grey"], "And the lungs?"
        first, history = inference_radvlm(self.model, self.processor, film, QUESTION, max_new_tokens=TOKENS)
        self.assertEqual(history, [(QUESTION, first)])
        given = list(history)
        second, returned = inference_radvlm(self.model, self.processor, film, question, chat_history=history,
                                            max_new_tokens=TOKENS, do_sample=False)
        self.assertIs(returned, history)
        self.assertEqual(returned, given + [(question, second)])
        self.assertEqual(second, self.ask(film, question, given))

    def test_f32(self):
        model, processor, _ = load_radvlm(self.model_path, device="cuda", torch_dtype="float32")
        text, _ = inference_radvlm(model, processor, self.films["grey"], QUESTION, max_new_tokens=TOKENS)
        model.close()
        self.assertEqual(text, self.ask(self.films["grey"], precision="f32"))

    def test_sampling_runs(self):
        self.assertIsInstance(self.answer(self.films["grey"], do_sample=True), str)

    def test_errors(self):
        with self.assertRaises(ThoraxError) as caught:
            load_radvlm(os.path.join(self.temp.name, "nothing"))
        self.assertEqual(caught.exception.status, "MODEL")
        with self.assertRaises(ThoraxError) as caught:
            self.answer(os.path.join(self.temp.name, "nothing.png"))
        self.assertEqual(caught.exception.status, "IO")
        with self.assertRaises(ValueError):
            self.answer(memoryview(bytes(64)).cast("B", (4, 4, 2, 2)))
        with self.assertRaises(TypeError):
            self.answer(object())
        with self.assertRaises(ValueError):
            inference_radvlm(self.model, self.processor, self.films["grey"], "a\0b")
        self.assertEqual(self.answer(self.films["grey"]), self.expected["grey"])  # the model is as usable as before

    def script(self, name, *arguments):
        return subprocess.run([sys.executable, os.path.join(FOLDER, name), *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, universal_newlines=True)

    def test_scripts(self):
        r = self.script("demo_radvlm.py", "--model-path", self.model_path, "--image", self.films["grey"], "--prompt", QUESTION,
                        "--max-new-tokens", str(TOKENS))
        self.assertEqual((r.returncode, r.stdout.strip()), (0, self.expected["grey"]), r.stderr)
        r = self.script("demo_radvlm.py", "--model-path", self.model_path, "--image", "nothing.png")
        self.assertEqual((r.returncode, len(r.stderr.splitlines())), (1, 1))
        self.assertIn("nothing.png", r.stderr)
        r = self.script("example_conversation.py", self.model_path, self.films["grey"])
        self.assertEqual((r.returncode, r.stdout.splitlines()[-1]), (0, "turns: 2"), r.stderr)


if __name__ == "__main__":
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(Helpers)
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    bad = len(result.failures) + len(result.errors)
    good = result.testsRun - bad - len(result.skipped)
    for test, reason in result.skipped:
        print(f"skipped: {test.id()}: {reason}")
    print(f"{good} passed, {bad} failed, {len(result.skipped)} skipped")
    sys.exit(1 if bad or not good else 0)
