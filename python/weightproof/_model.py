"""Models: what a checkpoint holds, and certified activations."""
from __future__ import annotations

import ctypes
import difflib
import html
import json
import os
import re
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
        values = to_numpy(values).astype(np.float64)
        return bool(np.all((self.lo <= values) & (values <= self.hi)))

    def __repr__(self) -> str:
        return f"Enclosure({self.node} {list(self.lo.shape)}, {self.semantics}, widest {np.max(self.hi - self.lo, initial=0):.3g})"


def _format(value: Setting) -> str:
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def to_numpy(values: Any) -> np.ndarray:
    """Of a torch tensor (bfloat16 too: a double holds it) or anything that numpy understands."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        values = values.double() if values.is_floating_point() else values
    try:
        return np.asarray(values)
    except ValueError as e:
        raise ModelError(f"rows of different lengths are no array: {e}") from None


def exactly(values: np.ndarray, dtype: Any, what: str = "an input") -> np.ndarray:
    """The same numbers as dtype; an input that wraps round, is rounded or loses a part would be another one."""
    if values.dtype.kind not in "fiub":
        raise ModelError(f"{what} is made of numbers, not {values.dtype}")
    with np.errstate(all="ignore"):
        out = np.ascontiguousarray(values, dtype=dtype)
    same = out.ravel().tolist() == values.ravel().tolist() if values.dtype.kind in "iu" else np.array_equal(out, values, equal_nan=True)
    if not same:
        raise ModelError(f"{what} has entries that {np.dtype(dtype).name} does not hold")
    return out


def _in_python(message: str) -> str:
    """What the program says of --set, as the keyword arguments that settings are here."""
    said = re.sub(r"--set (\w+)=([^\s,;)]+)", lambda m: f"{m[1]}={m[2] if re.fullmatch(r'[-+.0-9e]+', m[2]) else repr(m[2])}", message)
    said = re.sub(r"--set (\w+)", r"keyword argument \1", said).replace("given by --set", "given by a keyword argument")
    return said if said == message else said.rstrip() + "\n  = help: settings are keyword arguments of load, from_state_dict and from_transformer_lens"


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
            raise ModelError(_in_python(errors.rstrip()))
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

    def _batch(self, inputs: Any) -> Tuple[np.ndarray, Tuple[int, ...]]:
        """Inputs one after the other, [batch, positions] tokens or [batch, positions, width] numbers, and the leading axes of the result."""
        values, width = to_numpy(inputs), self.input_width
        shape = values.shape
        if not width:
            if values.size == 0 and values.ndim in (1, 2) and shape[-1] == 0:
                raise ModelError("a sequence needs at least one token")
            if not np.issubdtype(values.dtype, np.integer) or values.ndim not in (1, 2):
                raise ModelError(f"a sequence of tokens is a list of integers, a batch an array of them, not {values.dtype} of shape {list(shape)}")
            return exactly(np.atleast_2d(values), np.intc), shape
        if values.ndim not in (1, 2, 3) or shape[-1] != width or 0 in shape[1:]:
            raise ModelError(f"an input is {width} real numbers a position, a batch an array of inputs, not shape {list(shape)}")
        if values.ndim < 3:  # [width], [batch, width] where there is one position, else [positions, width]
            values = values.reshape((-1, 1, width) if self.info["n_ctx"] == 1 or values.ndim == 1 else (1, *shape))
        return exactly(values, np.float64), shape[:-1]

    def run(self, inputs: Any, node: Optional[str] = None, semantics: str = "real") -> Enclosure:
        """Certified enclosure of a node (the output) on one input or a batch of them.

        tokens: [positions], or a batch [batch, positions]. Real numbers: [width], or [positions, width] where the model reads several positions;
        a batch is [batch, width] for a model of one position, else [batch, positions, width]. The result has the axes of the input, the last one the
        node's width, after the positions where tokens have none: [positions, width] or [batch, positions, width]."""
        if semantics not in ("real", "float32"):
            raise ValueError(f"semantics '{semantics}' is neither real nor float32")
        values, leading = self._batch(inputs)
        n, name = values.shape[1], node or "output"
        width = library.weightproof_model_width(self._handle, text(node), n)
        if not width:
            near = difflib.get_close_matches(str(node), self.nodes, 1)
            raise ModelError(f"no node '{node}'" + (f"; did you mean '{near[0]}'?" if near else "; the attribute nodes lists them"))
        lo, hi = np.empty((len(values), n, width)), np.empty((len(values), n, width))
        for i in range(len(values)):
            message = self._run_one(values[i], node, semantics, lo[i], hi[i])
            if message:
                raise ModelError(f"input {i}: {message}" if len(values) > 1 else message)
        return Enclosure(lo.reshape(*leading, width), hi.reshape(*leading, width), semantics, name)

    def _run_one(self, values: np.ndarray, node: Optional[str], semantics: str, lo: np.ndarray, hi: np.ndarray) -> str:
        """Fills lo and hi; a message when that failed."""
        function, kind = (library.weightproof_model_run_input, ctypes.c_double) if self.input_width else (library.weightproof_model_run, ctypes.c_int)
        pointer = ctypes.POINTER(ctypes.c_double)
        status = function(self._handle, text(node), values.ctypes.data_as(ctypes.POINTER(kind)), len(values), int(semantics == "float32"),
                          lo.ctypes.data_as(pointer), hi.ctypes.data_as(pointer))
        return library.weightproof_model_message(self._handle).decode().rstrip() if status else ""

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
    """A model from tensors in memory (torch or numpy), or those of a torch module, as if they had been saved. `config` is what a config.json would hold."""
    if not isinstance(state_dict, Mapping):
        if not hasattr(state_dict, "state_dict"):
            raise ModelError(f"expected a state dict, names to tensors, not {type(state_dict).__name__}")
        _no_hooks(state_dict)
        state_dict = state_dict.state_dict()
    folder = tempfile.TemporaryDirectory(prefix="weightproof-")
    path = Path(folder.name) / f"{name}.safetensors"
    try:
        _safetensors.write(path, state_dict, {"config": json.dumps(config)} if config is not None else None)
        model = Model(path, None, family, settings, process)
    except ModelError as e:
        folder.cleanup()
        raise ModelError(str(e).replace(str(path), name)) from None
    except BaseException:
        folder.cleanup()
        raise
    model._keep = folder
    return model


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float, bool)) or (isinstance(value, (list, tuple)) and all(map(_plain, value)))


def _no_hooks(module: Any) -> None:
    """Hooks change what a module computes and are not in its state dict."""
    hooked = [name or "the module itself" for name, m in (module.named_modules() if hasattr(module, "named_modules") else ())
              if getattr(m, "fwd_hooks", None) or getattr(m, "_forward_hooks", None) or getattr(m, "_forward_pre_hooks", None)]
    if hooked:
        reset = "model.reset_hooks(including_permanent=True)" if hasattr(module, "reset_hooks") else "the handles of register_forward_hook"
        raise ModelError(f"there are forward hooks at {', '.join(hooked[:3])}{', ...' if len(hooked) > 3 else ''}, and only the weights are read: remove them with {reset}, "
                         "and say what they do in the claims, with patch or ablate")


def from_transformer_lens(model: Any, name: str = "model", process: Sequence[str] = (), **settings: Setting) -> Model:
    """A HookedTransformer (or anything with .state_dict() and .cfg) with its configuration."""
    if not hasattr(model, "cfg") or not hasattr(model, "state_dict"):
        raise ModelError(f"expected a HookedTransformer, with .cfg and .state_dict(), not {type(model).__name__}: from_state_dict takes the tensors of other models")
    _no_hooks(model)
    cfg = model.cfg.to_dict() if hasattr(model.cfg, "to_dict") else dict(vars(model.cfg))
    return from_state_dict(model.state_dict(), {k: v for k, v in cfg.items() if _plain(v)}, None, name, process, **settings)
