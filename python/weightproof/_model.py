"""Models: what a checkpoint holds, and certified activations."""
from __future__ import annotations

import ctypes
import html
import json
import os
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from . import _safetensors
from ._errors import ModelError
from ._library import ModelOptions, library, text, words

Setting = Union[str, int, float, bool]


@dataclass(frozen=True)
class Enclosure:
    """lo <= value <= hi, entry by entry, certified. `semantics` says of what: the real function, or every float32 execution."""

    lo: np.ndarray
    hi: np.ndarray
    semantics: str
    node: str

    @property
    def mid(self) -> np.ndarray:
        return self.lo + (self.hi - self.lo) / 2

    @property
    def radius(self) -> np.ndarray:
        return np.nextafter(np.maximum(self.hi - self.mid, self.mid - self.lo), np.inf)

    def contains(self, values: Any) -> bool:
        """Does every entry of `values` lie inside?"""
        values = np.asarray(values.detach().cpu() if hasattr(values, "detach") else values, dtype=np.float64)
        return bool(np.all((self.lo <= values) & (values <= self.hi)))

    def __repr__(self) -> str:
        return f"Enclosure({self.node} {list(self.lo.shape)}, {self.semantics}, widest {np.max(self.hi - self.lo, initial=0):.3g})"


def _format(value: Setting) -> str:
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _exactly(values: np.ndarray, dtype: Any) -> np.ndarray:
    """The same numbers as dtype; an input that wraps round, is rounded or loses a part would be another one."""
    if values.dtype.kind not in "fiub":
        raise ModelError(f"an input is made of numbers, not {values.dtype}")
    with np.errstate(all="ignore"):
        out = np.ascontiguousarray(values, dtype=dtype)
    same = out.ravel().tolist() == values.ravel().tolist() if values.dtype.kind in "iu" else np.array_equal(out, values, equal_nan=True)
    if not same:
        raise ModelError(f"an input has entries that {np.dtype(dtype).name} does not hold")
    return out


class Model:
    """A network as weightproof reads it. Made by load, from_state_dict, from_transformer_lens."""

    def __init__(self, path: os.PathLike, config: Optional[os.PathLike] = None, family: Optional[str] = None,
                 settings: Optional[Mapping[str, Setting]] = None, process: Sequence[str] = ()):
        self.path = Path(path)
        self.config = None if config is None else Path(config)
        self.family_asked = family
        self.process = [process] if isinstance(process, str) else list(process)
        self.settings = {k: _format(v) for k, v in (settings or {}).items()}
        options = ModelOptions(config=text(config), settings=words(f"{k}={v}" for k, v in self.settings.items()), family=text(family), process=words(self.process))
        self._handle = library.weightproof_model_read(text(self.path), ctypes.byref(options))
        if not self._handle:
            raise MemoryError("no memory for the model")
        weakref.finalize(self, library.weightproof_model_free, self._handle)
        errors = library.weightproof_model_errors(self._handle).decode()
        if errors:
            raise ModelError(errors.rstrip())
        self.info: Dict[str, Any] = json.loads(library.weightproof_model_info_json(self._handle))
        self._keep = None

    @property
    def family(self) -> str:
        return self.info["family"]

    @property
    def sha256(self) -> str:
        """Of the canonical network: what statements and certificates name."""
        return library.weightproof_model_net_sha256(self._handle).decode()

    @property
    def net(self) -> str:
        """The canonical network file."""
        return library.weightproof_model_net(self._handle).decode()

    @property
    def nodes(self) -> Sequence[str]:
        return [n["name"] for n in self.info["nodes"]]

    def save_net(self, path: os.PathLike) -> Path:
        Path(path).write_text(self.net)
        return Path(path)

    @property
    def tensors(self) -> Dict[str, np.ndarray]:
        """Canonical names and orientation, exact values as float64 (copies)."""
        found = {}
        for i in range(library.weightproof_model_tensors(self._handle)):
            rank, shape, data = ctypes.c_size_t(), (ctypes.c_size_t * 8)(), ctypes.POINTER(ctypes.c_double)()
            name = library.weightproof_model_tensor(self._handle, i, ctypes.byref(rank), shape, ctypes.byref(data))
            found[name.decode()] = np.ctypeslib.as_array(data, shape=tuple(shape[: rank.value])).copy()
        return found

    @property
    def input_width(self) -> int:
        """Real numbers a position; 0 for a model that reads tokens."""
        return library.weightproof_model_input_width(self._handle)

    def _rows(self, inputs: Any) -> Tuple[np.ndarray, Any, Any]:
        """The input as the library takes it, with the function and the C type: [positions] tokens or [positions, width] numbers."""
        values = np.asarray(inputs.detach().cpu() if hasattr(inputs, "detach") else inputs)
        if self.input_width:
            if values.ndim == 1:
                values = values[None, :]
            if values.ndim != 2 or values.shape[1] != self.input_width:
                raise ModelError(f"an input is {self.input_width} real numbers a position, not shape {list(values.shape)}")
            return _exactly(values, np.float64), library.weightproof_model_run_input, ctypes.c_double
        if not np.issubdtype(values.dtype, np.integer) or values.ndim != 1 or values.size == 0:
            raise ModelError(f"a sequence of tokens is a list of integers, not {values.dtype} of shape {list(values.shape)}")
        return _exactly(values, np.intc), library.weightproof_model_run, ctypes.c_int

    def run(self, inputs: Any, node: Optional[str] = None, semantics: str = "real") -> Enclosure:
        """Certified enclosure of a node (the output) on one input: a sequence of tokens, or real numbers ([width], or [positions, width]).
        The result is [positions, width]; [width] for one vector of real numbers."""
        if semantics not in ("real", "float32"):
            raise ValueError(f"semantics '{semantics}' is neither real nor float32")
        values, function, kind = self._rows(inputs)
        n, name = len(values), node or "output"
        width = library.weightproof_model_width(self._handle, text(node), n)
        if not width:
            raise ModelError(f"no node '{node}'; the nodes are {', '.join(self.nodes)}")
        lo, hi = np.empty((n, width)), np.empty((n, width))
        pointer = ctypes.POINTER(ctypes.c_double)
        status = function(self._handle, text(node), values.ctypes.data_as(ctypes.POINTER(kind)), n, int(semantics == "float32"),
                          lo.ctypes.data_as(pointer), hi.ctypes.data_as(pointer))
        if status:
            raise ModelError(library.weightproof_model_message(self._handle).decode().rstrip())
        single = self.input_width and np.ndim(inputs) == 1
        return Enclosure(lo[0], hi[0], semantics, name) if single else Enclosure(lo, hi, semantics, name)

    def __str__(self) -> str:
        return library.weightproof_model_info(self._handle).decode()

    def __repr__(self) -> str:
        return f"<weightproof.Model {self.path.name}: {self.family}, {self.info['parameters']} parameters, net {self.sha256[:12]}>"

    def _repr_html_(self) -> str:
        facts = "".join(f"<tr><td>{html.escape(f['key'])}</td><td>{html.escape(f['value'])}</td><td>{html.escape(f['how'])}</td></tr>"
                        for f in self.info["facts"])
        tensors = "".join(f"<tr><td>{html.escape(t['name'])}</td><td>{' × '.join(map(str, t['shape']))}</td><td></td></tr>" for t in self.info["tensors"])
        return (f"<b>{html.escape(self.path.name)}</b>: {html.escape(self.family)}, {self.info['parameters']} parameters, network <code>{self.sha256[:16]}…</code>"
                f"<details><summary>configuration and tensors</summary><table>{facts}{tensors}</table></details>")


def load(path: os.PathLike, config: Optional[os.PathLike] = None, family: Optional[str] = None, process: Sequence[str] = (), **settings: Setting) -> Model:
    """Reads a model file. `settings` are those of --set: load("m.pt", act_fn="gelu", n_ctx=8). `process` names exact steps of processing:
    fold_ln, fold_value_biases, center_writing, center_unembed."""
    return Model(path, config, family, settings, process)


def from_state_dict(state_dict: Mapping[str, Any], config: Optional[Mapping[str, Any]] = None, family: Optional[str] = None,
                    name: str = "model", process: Sequence[str] = (), **settings: Setting) -> Model:
    """A model from tensors in memory (torch or numpy), as if they had been saved. `config` is what a config.json would hold."""
    folder = tempfile.TemporaryDirectory(prefix="weightproof-")
    path = Path(folder.name) / f"{name}.safetensors"
    try:
        _safetensors.write(path, state_dict, {"config": json.dumps(config)} if config is not None else None)
        model = Model(path, None, family, settings, process)
    except BaseException:
        folder.cleanup()
        raise
    model._keep = folder
    return model


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float, bool)) or (isinstance(value, (list, tuple)) and all(map(_plain, value)))


def from_transformer_lens(model: Any, name: str = "model", process: Sequence[str] = (), **settings: Setting) -> Model:
    """A HookedTransformer (or anything with .state_dict() and .cfg) with its configuration."""
    cfg = model.cfg.to_dict() if hasattr(model.cfg, "to_dict") else dict(vars(model.cfg))
    return from_state_dict(model.state_dict(), {k: v for k, v in cfg.items() if _plain(v)}, None, name, process, **settings)
