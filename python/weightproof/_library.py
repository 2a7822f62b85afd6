"""The shared library: prototypes of include/weightproof.h, nothing else."""
from __future__ import annotations

import ctypes
import os
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_double, c_int, c_size_t, c_ulong, c_void_p
from pathlib import Path
from typing import Iterable, Optional

FOLDER = Path(__file__).resolve().parent / "lib"
LIBRARY = Path(os.environ.get("WEIGHTPROOF_LIBRARY", FOLDER / "libweightproof.so"))
CHECKER = Path(os.environ.get("WEIGHTPROOF_CHECKER", LIBRARY.parent / "weightproof-check"))


class Words(Structure):
    _fields_ = [("words", POINTER(c_char_p)), ("n", c_size_t)]


DECIDED = CFUNCTYPE(None, c_void_p, c_size_t, c_char_p, c_char_p, c_char_p)
PROGRESS = CFUNCTYPE(None, c_void_p, c_char_p, c_double, c_char_p)


class Options(Structure):
    _fields_ = [
        ("only", Words), ("models", Words), ("data", Words), ("params", Words), ("settings", Words), ("config", c_char_p),
        ("semantics", c_char_p), ("checker", c_char_p), ("certificates", c_char_p), ("failures", c_char_p), ("report", c_char_p), ("engine", c_char_p),
        ("timeout", c_double), ("check_timeout", c_double), ("threads", c_int), ("seed", c_ulong), ("stop", POINTER(c_int)),
        ("decided", DECIDED), ("progress", PROGRESS), ("context", c_void_p),
    ]


class ModelOptions(Structure):
    _fields_ = [("config", c_char_p), ("settings", Words), ("family", c_char_p), ("process", Words)]


def words(texts: Iterable[str]) -> Words:
    encoded = [t.encode() for t in texts]
    array = (c_char_p * max(len(encoded), 1))(*encoded)
    return Words(ctypes.cast(array, POINTER(c_char_p)), len(encoded))


def text(value: Optional[object]) -> Optional[bytes]:
    return None if value is None else os.fspath(value).encode() if hasattr(value, "__fspath__") else str(value).encode()


_PROTOTYPES = {
    "weightproof_version": (c_char_p, []),
    "weightproof_verify": (c_void_p, [c_char_p, POINTER(Options)]),
    "weightproof_verify_text": (c_void_p, [c_char_p, c_char_p, POINTER(Options)]),
    "weightproof_run_free": (None, [c_void_p]),
    "weightproof_run_status": (c_int, [c_void_p]),
    "weightproof_run_errors": (c_char_p, [c_void_p]),
    "weightproof_run_json": (c_char_p, [c_void_p]),
    "weightproof_run_count": (c_size_t, [c_void_p]),
    "weightproof_run_name": (c_char_p, [c_void_p, c_size_t]),
    "weightproof_run_result": (c_char_p, [c_void_p, c_size_t]),
    "weightproof_model_read": (c_void_p, [c_char_p, POINTER(ModelOptions)]),
    "weightproof_model_free": (None, [c_void_p]),
    "weightproof_model_errors": (c_char_p, [c_void_p]),
    "weightproof_model_info": (c_char_p, [c_void_p]),
    "weightproof_model_info_json": (c_char_p, [c_void_p]),
    "weightproof_model_net": (c_char_p, [c_void_p]),
    "weightproof_model_net_sha256": (c_char_p, [c_void_p]),
    "weightproof_model_tensors": (c_size_t, [c_void_p]),
    "weightproof_model_tensor": (c_char_p, [c_void_p, c_size_t, POINTER(c_size_t), c_size_t * 8, POINTER(POINTER(c_double))]),
    "weightproof_model_width": (c_size_t, [c_void_p, c_char_p, c_size_t]),
    "weightproof_model_run": (c_int, [c_void_p, c_char_p, POINTER(c_int), c_size_t, c_int, POINTER(c_double), POINTER(c_double)]),
    "weightproof_model_run_input": (c_int, [c_void_p, c_char_p, POINTER(c_double), c_size_t, c_int, POINTER(c_double), POINTER(c_double)]),
    "weightproof_model_input_width": (c_size_t, [c_void_p]),
    "weightproof_model_message": (c_char_p, [c_void_p]),
}


def _open() -> ctypes.CDLL:
    if not LIBRARY.exists():
        raise ImportError(f"{LIBRARY} is missing: install with `pip install ./python`, or point WEIGHTPROOF_LIBRARY to a built libweightproof.so")
    library = ctypes.CDLL(str(LIBRARY))
    for name, (result, arguments) in _PROTOTYPES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


library = _open()
