"""The two functions of the published RadVLM scripts, computed by libthorax.

    from radvlm_helpers import load_radvlm, inference_radvlm

    model, processor, device = load_radvlm("RadVLM")
    text, history = inference_radvlm(model, processor, image, "Provide a radiology report.")
    text, history = inference_radvlm(model, processor, image, "Where is the heart?", history)

Scripts written for the original functions run unchanged; neither torch nor transformers is imported,
and numpy and Pillow are only used where the caller hands over their objects.

Differences from the original, on purpose:

- The original decodes prompt and answer together, splits the text at every "user" and "assistant" and
  returns the last piece, so that an answer which contains one of these words is cut. Here the text is the
  whole answer, stripped of white space.
- Questions are plain text: control strings in them ("<image>", "<|im_end|>") stay ordinary characters.
- Pictures of 16 bits are shown by their minimum and maximum; Pillow would clip them to white. Set
  processor.profile = "pillow" for the latter.
- Everything runs on the CPU, whatever device is asked for.

libthorax.so is looked for in $THORAX_LIBRARY, beside this file, in the folders it is installed to, in
build/ of the source tree, and by the dynamic linker, in this order.

Research use only: nothing these functions return is a diagnosis.
"""

import ctypes
import ctypes.util
import glob
import os
import sys

__all__ = ["load_radvlm", "inference_radvlm", "ThoraxError"]


class ThoraxError(RuntimeError):
    """A failure told by the library; `status` is the name of thorax_status ("FILM", "MODEL" ...)."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


# ---- include/thorax.h, as far as it is needed here

_STATUS = ["OK", "NOMEM", "IO", "FORMAT", "SHAPE", "LIMIT", "USAGE", "MODEL", "FILM", "CANCELLED"]


class _Error(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int), ("at", ctypes.c_uint64), ("text", ctypes.c_char * 400)]


class _ModelOptions(ctypes.Structure):
    _fields_ = [("precision", ctypes.c_char_p), ("compat", ctypes.c_char_p), ("threads", ctypes.c_int),
                ("ctx_tokens", ctypes.c_uint32), ("mem_limit_bytes", ctypes.c_uint64), ("cpu", ctypes.c_char_p),
                ("draft_corpus", ctypes.c_char_p), ("cache_memory_bytes", ctypes.c_uint64), ("cache_folder", ctypes.c_char_p),
                ("cache_limit_bytes", ctypes.c_uint64), ("type", ctypes.c_char_p), ("kv_bits", ctypes.c_uint32),
                ("base", ctypes.c_char_p), ("lora", ctypes.c_char_p), ("merged_cache", ctypes.c_char_p),
                ("plan_only", ctypes.c_bool)]


class _FilmOptions(ctypes.Structure):
    _fields_ = [("profile", ctypes.c_char_p), ("max_file_bytes", ctypes.c_uint64), ("max_side_px", ctypes.c_uint32),
                ("max_pixels", ctypes.c_uint64)]


class _Message(ctypes.Structure):
    _fields_ = [("role", ctypes.c_char_p), ("content", ctypes.c_char_p)]


class _Options(ctypes.Structure):
    _fields_ = [("max_new_tokens", ctypes.c_uint32), ("sample", ctypes.c_bool), ("temperature", ctypes.c_double),
                ("top_k", ctypes.c_int32), ("top_p", ctypes.c_double), ("min_p", ctypes.c_double),
                ("repetition_penalty", ctypes.c_double), ("seed", ctypes.c_uint64), ("ignore_eos", ctypes.c_bool),
                ("no_adapter", ctypes.c_bool), ("no_drafts", ctypes.c_bool), ("system", ctypes.c_char_p), ("wording", ctypes.c_char_p),
                ("reason", ctypes.c_char_p),
                ("substring_rule", ctypes.c_bool), ("score", ctypes.c_bool), ("score_questions", ctypes.c_char_p),
                ("score_calibration", ctypes.c_char_p),
                ("on_text", ctypes.c_void_p), ("on_progress", ctypes.c_void_p), ("data", ctypes.c_void_p)]


_POINTER = ctypes.c_void_p
_OUT = ctypes.POINTER(_POINTER)
_ERROR = ctypes.POINTER(_Error)
_U32 = ctypes.c_uint32

_FUNCTIONS = {
    "thorax_version": (ctypes.c_char_p, []),
    "thorax_model_options_default": (_ModelOptions, []),
    "thorax_model_open": (ctypes.c_int, [_OUT, ctypes.c_char_p, ctypes.POINTER(_ModelOptions), _ERROR]),
    "thorax_model_close": (None, [_POINTER]),
    "thorax_film_options_default": (_FilmOptions, []),
    "thorax_film_open": (ctypes.c_int, [_OUT, ctypes.c_char_p, ctypes.POINTER(_FilmOptions), _ERROR]),
    "thorax_film_from_samples": (ctypes.c_int, [_OUT, ctypes.c_char_p, _U32, _U32, _U32, _U32, ctypes.c_char_p,
                                                ctypes.POINTER(_FilmOptions), _ERROR]),
    "thorax_film_close": (None, [_POINTER]),
    "thorax_film_sha256": (ctypes.c_char_p, [_POINTER]),
    "thorax_session_open": (ctypes.c_int, [_OUT, _POINTER, _POINTER, _ERROR]),
    "thorax_session_close": (None, [_POINTER]),
    "thorax_options_default": (_Options, []),
    "thorax_chat": (ctypes.c_int, [_OUT, _POINTER, ctypes.POINTER(_Message), ctypes.c_size_t, ctypes.POINTER(_Options),
                                   _ERROR]),
    "thorax_result_close": (None, [_POINTER]),
    "thorax_result_text": (ctypes.c_char_p, [_POINTER]),
}


def _candidates():
    here = os.path.dirname(os.path.abspath(__file__))
    given = os.environ.get("THORAX_LIBRARY")
    if given:
        yield given
        return
    yield os.path.join(here, "libthorax.so")
    prefix = os.path.normpath(os.path.join(here, "..", "..", ".."))  # PREFIX/share/thorax/python
    if os.path.basename(os.path.dirname(here)) == "thorax":
        for folder in ("lib/*-linux-*", "lib64", "lib"):
            yield from sorted(glob.glob(os.path.join(prefix, folder, "libthorax.so*")))
    yield os.path.join(here, "..", "build", "libthorax.so")
    found = ctypes.util.find_library("thorax")
    if found:
        yield found


def _load_library():
    tried = []
    for path in _candidates():
        if os.path.sep in path and not os.path.exists(path):
            tried.append(path)
            continue
        library = ctypes.CDLL(path)
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype = result
            function.argtypes = arguments
        return library
    raise OSError("libthorax.so is not there; set THORAX_LIBRARY to its path (tried " + ", ".join(tried) + ")")


_library = None


def _thorax():
    global _library
    if _library is None:
        _library = _load_library()
    return _library


def _check(status, error):
    if status == 0:
        return
    name = _STATUS[status] if 0 <= status < len(_STATUS) else str(status)
    text = error.text.decode("utf-8", "replace")
    if name == "NOMEM":
        raise MemoryError(text)
    if name == "USAGE":
        raise ValueError(text)
    raise ThoraxError(name, text)


# ---- Pictures: anything becomes (bytes [height, width, channels], width, height, channels, bytes of a sample)

def _interleave(planes, channels, sample_bytes):
    """Planes one after the other → channels side by side."""
    size = len(planes) // channels
    out = bytearray(len(planes))
    for c in range(channels):
        plane = planes[c * size:(c + 1) * size]
        for b in range(sample_bytes):
            out[c * sample_bytes + b::channels * sample_bytes] = plane[b::sample_bytes]
    return bytes(out)


def _swap16(data):
    out = bytearray(len(data))
    out[0::2], out[1::2] = data[1::2], data[0::2]
    return bytes(out)


def _drop_alpha(data, sample_bytes):
    """Grey with alpha → grey."""
    out = bytearray(len(data) // 2)
    for b in range(sample_bytes):
        out[b::sample_bytes] = data[b::2 * sample_bytes]
    return bytes(out)


def _narrow32(view):
    """32-bit integers that hold 16-bit values → 16 bit."""
    flat = memoryview(view.tobytes()).cast("i")
    if len(flat) and (min(flat) < 0 or max(flat) > 65535):
        raise ValueError("picture: 32-bit samples must lie in 0..65535")
    import array
    return array.array("H", flat).tobytes()


def _samples_of_view(view):
    kind = view.format.lstrip("@=")
    swapped = kind.startswith(">") if sys.byteorder == "little" else kind.startswith("<")
    kind = kind.lstrip("<>")
    shape = tuple(view.shape)
    if len(shape) == 2:
        first, channels, height, width = False, 1, *shape
    elif len(shape) == 3 and shape[2] in (1, 2, 3, 4):
        first, (height, width, channels) = False, shape
    elif len(shape) == 3 and shape[0] in (1, 2, 3, 4):
        first, (channels, height, width) = True, shape
    else:
        raise ValueError(f"picture: shape {list(shape)}, expected [height, width], with channels first or last where there are some")
    if kind in ("B", "c"):
        data, sample_bytes = view.tobytes(), 1
    elif kind == "?":
        data, sample_bytes = bytes(255 * x for x in view.tobytes()), 1
    elif kind == "H":
        data, sample_bytes = view.tobytes(), 2
        data = _swap16(data) if swapped else data
    elif kind in ("i", "l") and view.itemsize == 4 and not swapped:
        data, sample_bytes = _narrow32(view), 2
    else:
        raise TypeError(f"picture: samples of type '{view.format}', expected 8 or 16 bit without sign")
    if first and channels > 1:
        data = _interleave(data, channels, sample_bytes)
    if channels == 2:
        data, channels = _drop_alpha(data, sample_bytes), 1
    return data, width, height, channels, sample_bytes


def _samples_of_pillow(image):
    mode = image.mode
    if mode in ("I;16", "I;16L", "I;16N", "I;16B"):
        data = image.tobytes()
        big = mode == "I;16B" or (mode == "I;16N" and sys.byteorder == "big")
        return (data if big == (sys.byteorder == "big") else _swap16(data)), image.width, image.height, 1, 2
    if mode == "I":
        view = memoryview(image.tobytes()).cast("i")
        return _narrow32(view), image.width, image.height, 1, 2
    if mode not in ("L", "RGB"):
        image = image.convert("RGB")
    return image.tobytes(), image.width, image.height, 1 if image.mode == "L" else 3, 1


def _samples(image):
    if hasattr(image, "mode") and hasattr(image, "tobytes") and hasattr(image, "convert"):
        return _samples_of_pillow(image)
    if not hasattr(image, "__array_interface__") and hasattr(image, "__array__"):
        image = image.__array__()
    try:
        view = memoryview(image)
    except TypeError:
        raise TypeError(f"picture: {type(image).__name__}, expected a path, a Pillow image or an array") from None
    return _samples_of_view(view)


class _Film:
    def __init__(self, image, profile):
        lib, error, self.pointer = _thorax(), _Error(), _POINTER()
        options = lib.thorax_film_options_default()
        options.profile = profile.encode()
        if isinstance(image, (str, os.PathLike)):
            status = lib.thorax_film_open(ctypes.byref(self.pointer), os.fsencode(image), ctypes.byref(options),
                                          ctypes.byref(error))
        else:
            data, width, height, channels, sample_bytes = _samples(image)
            status = lib.thorax_film_from_samples(ctypes.byref(self.pointer), data, width, height, channels, sample_bytes,
                                                  b"picture", ctypes.byref(options), ctypes.byref(error))
        _check(status, error)
        self.sha256 = lib.thorax_film_sha256(self.pointer)

    def close(self):
        _thorax().thorax_film_close(self.pointer)
        self.pointer = None


# ---- Models

class RadVLM:
    """An open model. It remembers the last picture, so that a second question about it costs its own words only."""

    def __init__(self, path, precision):
        lib, error, self._pointer = _thorax(), _Error(), _POINTER()
        options = lib.thorax_model_options_default()
        options.precision = precision.encode()
        status = lib.thorax_model_open(ctypes.byref(self._pointer), os.fsencode(path), ctypes.byref(options),
                                       ctypes.byref(error))
        self._film = self._session = self._key = None
        if status:
            self._pointer = None
        _check(status, error)

    # What scripts call on a torch module and what is already so.
    def eval(self):
        return self

    def to(self, *_, **__):
        return self

    def _forget(self):
        if self._session:
            _thorax().thorax_session_close(self._session)
        if self._film:
            self._film.close()
        self._film = self._session = self._key = None

    def _session_for(self, image, profile):
        film = _Film(image, profile) if image is not None else None
        key = (film.sha256, profile) if film else None
        if self._session and key == self._key:
            if film:
                film.close()
            return self._session
        self._forget()
        error, session = _Error(), _POINTER()
        status = _thorax().thorax_session_open(ctypes.byref(session), self._pointer, film.pointer if film else None,
                                               ctypes.byref(error))
        if status and film:
            film.close()
        _check(status, error)
        self._film, self._session, self._key = film, session, key
        return session

    def close(self):
        if self._pointer:
            self._forget()
            _thorax().thorax_model_close(self._pointer)
            self._pointer = None

    def __del__(self):
        try:
            self.close()
        except Exception:  # the interpreter is going down
            pass


class Processor:
    """Stands where the original has its processor; `profile` says how stored values become the picture."""

    def __init__(self):
        self.profile = "display"


def load_radvlm(model_path, device=None, torch_dtype="auto"):
    """Opens a model folder → (model, processor, device).

    device is accepted and ignored: the answer is always "cpu". torch_dtype: "auto" and 16-bit types use
    the fast kernels; "float32" (or torch.float32) computes every stage in f32."""
    precision = "f32" if str(torch_dtype).replace("torch.", "") in ("float32", "float", "f32") else "auto"
    return RadVLM(model_path, precision), Processor(), "cpu"


def _utf8(text):
    data = text.encode("utf-8")
    if b"\0" in data:
        raise ValueError("a text holds a character 0")
    return data


def _messages(history, prompt):
    turns = []
    for question, answer in history:
        turns += [(b"user", _utf8(question)), (b"assistant", _utf8(answer))]
    turns.append((b"user", _utf8(prompt)))
    return (_Message * len(turns))(*(_Message(role, content) for role, content in turns)), len(turns)


def inference_radvlm(model, processor, image, prompt, chat_history=None, max_new_tokens=512, do_sample=False):
    """Asks about a picture → (text, chat_history).

    image         a Pillow image; an array [height, width], or with channels first or last, of 8 or 16 bits; a
                  path; or None
    chat_history  list of (question, answer) pairs; the new pair is appended to it, as the original does"""
    if chat_history is None:
        chat_history = []
    lib, error, result = _thorax(), _Error(), _POINTER()
    messages, n = _messages(chat_history, prompt)
    session = model._session_for(image, getattr(processor, "profile", "display"))
    options = lib.thorax_options_default()
    options.max_new_tokens = max_new_tokens
    options.sample = bool(do_sample)
    status = lib.thorax_chat(ctypes.byref(result), session, messages, n, ctypes.byref(options), ctypes.byref(error))
    _check(status, error)
    text = lib.thorax_result_text(result).decode("utf-8")
    lib.thorax_result_close(result)
    chat_history.append((prompt, text))
    return text, chat_history
