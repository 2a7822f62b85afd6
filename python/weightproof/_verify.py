"""verify: a claim file or text, decided and checked."""
from __future__ import annotations

import ctypes
import json
import os
import re
import tempfile
import threading
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from . import _safetensors
from ._errors import ClaimsError, ModelError, WeightproofError
from ._library import CHECKER, DECIDED, PROGRESS, Options, library, text, words
from ._model import Model, exactly, to_numpy
from ._results import Results, claim_of

ModelLike = Union[Model, str, os.PathLike]
DataLike = Union[np.ndarray, Sequence[Any], str, os.PathLike]
_HEADER = re.compile(r"\s*(#[^\n]*\n\s*)*claims\s+\d+")
_STRING = r'"(?:\\.|[^"\\\n])*"'
# Strings and comments are passed over first, so that what stands in them declares nothing.
_DECLARED = re.compile(rf'#[^\n]*|{_STRING}|\b(model|data)\s+([A-Za-z_]\w*)\s*=\s*{_STRING}(?:\s*\[\s*({_STRING})\s*\])?')


def _quote(s: object) -> str:
    return '"' + str(s).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _declaration(name: str, model: ModelLike) -> str:
    if not isinstance(model, Model):
        return f"model {name} = {_quote(Path(model).resolve())} "
    line = f"model {name} = {_quote(model.path.resolve())} "
    if model.family_asked:
        line += f"as {model.family_asked} "
    if model.config:
        line += f"config {_quote(model.config.resolve())} "
    if model.process:
        line += "process " + ", ".join(model.process) + " "
    if model.settings:
        line += "with { " + ", ".join(f"{k} = {_literal(v)}" for k, v in model.settings.items()) + " } "
    return line


def _literal(v: str) -> str:
    return v if re.fullmatch(r"-?\d+(\.\d+)?([eE]-?\d+)?|true|false", v) else _quote(v)


def _declared(source: str) -> Dict[Tuple[str, str], str]:
    """("model" or "data", name) of every declaration, with the name of the array in its file, or ""."""
    return {(m[1], m[2]): re.sub(r"\\(.)", r"\1", m[3][1:-1]) if m[3] else "" for m in _DECLARED.finditer(source) if m[1]}


def _with_declarations(source: str, models: Mapping[str, ModelLike], data: Mapping[str, Path]) -> Tuple[str, Dict[str, ModelLike], Dict[str, Path]]:
    """The text with a declaration, on its first line, for every model and array that it does not declare itself; and those that it does."""
    declared = _declared(source)
    new = "".join(_declaration(n, m) for n, m in models.items() if ("model", n) not in declared)
    new += "".join(f"data {n} = {_quote(f)} " for n, f in data.items() if ("data", n) not in declared)
    header = _HEADER.match(source)
    if not header:
        source = "claims 1 " + new + source
    elif new:
        source = source[: header.end()] + " " + new + source[header.end():]
    return source, {n: m for n, m in models.items() if ("model", n) in declared}, {n: f for n, f in data.items() if ("data", n) in declared}


def _data_files(data: Mapping[str, DataLike], source: str, folder: Path) -> Dict[str, Path]:
    """A file for every array, under the name that its declaration asks for; numbers that doubles do not hold are refused."""
    declared, files = _declared(source), {}
    for i, (name, values) in enumerate(data.items()):
        if isinstance(values, (str, os.PathLike)):
            files[name] = Path(values).resolve()
            continue
        files[name] = folder / f"data{i}.safetensors"
        _safetensors.write(files[name], {declared.get(("data", name)) or name: exactly(to_numpy(values), np.float64, f"data {name}")})
    return files


def _replacements(models: Mapping[str, ModelLike], folder: Path) -> Tuple[List[str], List[str]]:
    """NAME=FILE and NAME:KEY=VALUE. A model with a configuration or family of its own goes in as the network that was read."""
    files, settings = [], []
    for name, model in models.items():
        if not isinstance(model, Model):
            files.append(f"{name}={Path(model).resolve()}")
        elif model.config or model.family_asked or model.process:
            files.append(f"{name}={model.save_net(folder / (name + '.net'))}")
        else:
            files.append(f"{name}={model.path.resolve()}")
            settings += [f"{name}:{k}={v}" for k, v in model.settings.items()]
    return files, settings


class _Call(threading.Thread):
    """The library at work, so that Ctrl-C reaches Python: it sets the stop flag and the search ends with what it has."""

    def __init__(self, work: Callable[[], Any]):
        super().__init__(daemon=True)
        self.work, self.result, self.error, self.done = work, None, None, threading.Event()

    def run(self) -> None:
        try:
            self.result = self.work()
        except BaseException as e:  # noqa: BLE001
            self.error = e
        finally:
            self.done.set()

    def wait(self, stop: ctypes.c_int) -> Any:
        self.start()
        while not self.done.is_set():  # an interrupted join would take the thread for dead
            try:
                self.done.wait(0.2)
            except KeyboardInterrupt:
                stop.value = 1
        if self.error:
            raise self.error
        return self.result


def _is_file(claims: Union[str, os.PathLike]) -> bool:
    return not isinstance(claims, str) or ("\n" not in claims and "{" not in claims)


def verify(claims: Union[str, os.PathLike], models: Optional[Mapping[str, ModelLike]] = None, *, data: Optional[Mapping[str, DataLike]] = None,
           params: Optional[Mapping[str, Any]] = None, only: Union[str, Sequence[str]] = (), semantics: Optional[str] = None, timeout: float = 0, check_timeout: float = 0, threads: int = 0,
           seed: int = 0, engine: Optional[str] = None, certificates: Optional[os.PathLike] = None, report: Optional[os.PathLike] = None,
           failures: Optional[os.PathLike] = None, decided: Optional[Callable[[str, str, str], None]] = None,
           progress: Optional[Callable[[str, float, str], None]] = None) -> Results:
    """Decides claims and has every certificate checked.

    claims: path of a claim file, or claims as text (`claims 1` may be left out). models: names to Models or paths; they replace the file's own, and
    a text need not declare them. data: names to arrays (numpy, torch, lists) or paths, likewise: data={"X": x} stands for `data X = FILE`. semantics: "real" or "float32" for all claims. timeout: seconds of proving, a claim. decided(name, verdict,
    result) is called after each claim, progress(what, share done or -1, best so far) while searching. Ctrl-C ends the search: what was decided is
    returned, with `interrupted` set. Raises ClaimsError when the claims are wrong.
    """
    stop = ctypes.c_int(0)
    models, data = dict(models or {}), dict(data or {})
    for name, model in models.items():
        if not isinstance(model, (Model, str, os.PathLike)):
            raise ModelError(f"model {name} is a {type(model).__name__}, not a Model or a path: make a Model of it with wp.from_transformer_lens or wp.from_state_dict")
    with tempfile.TemporaryDirectory(prefix="weightproof-") as folder:
        if _is_file(claims):
            source = None if not models and not data else Path(claims).read_text()
            name = str(claims)
        else:
            source, name = str(claims), "claims"
        arrays = _data_files(data, source or "", Path(folder))
        if source is not None:
            source, models, arrays = _with_declarations(source, models, arrays)
        files, settings = _replacements(models, Path(folder))

        def on_decided(_context, _index, label, verdict, result):
            if decided:
                decided(label.decode(), verdict.decode(), result.decode())

        def on_progress(_context, what, done, best):
            if progress:
                progress(what.decode() if what else "", done, best.decode() if best else "")

        options = Options(
            only=words([only] if isinstance(only, str) else only), models=words(files), data=words(f"{n}={f}" for n, f in arrays.items()), params=words(f"{k}={v}" for k, v in (params or {}).items()), settings=words(settings),
            semantics=text(semantics), checker=text(CHECKER), certificates=text(certificates), failures=text(failures), report=text(report),
            engine=text(engine), timeout=timeout, check_timeout=check_timeout, threads=threads, seed=seed, stop=ctypes.pointer(stop),
            decided=DECIDED(on_decided) if decided else DECIDED(), progress=PROGRESS(on_progress) if progress else PROGRESS())

        def work():
            if source is None:
                return library.weightproof_verify(text(name), ctypes.byref(options))
            return library.weightproof_verify_text(source.encode(), text(name), ctypes.byref(options))

        return _results(_Call(work).wait(stop), bool(stop.value))


def _results(run: int, stopped: bool) -> Results:
    if not run:
        raise MemoryError("no memory for the run")
    try:
        messages = library.weightproof_run_errors(run).decode()
        status = library.weightproof_run_status(run)
        encoded = library.weightproof_run_json(run)
        if not encoded:
            raise (ClaimsError if status == 3 else WeightproofError)(messages.rstrip())
        j = json.loads(encoded)
        n = library.weightproof_run_count(run)
        claims = [claim_of(j["claims"][i], library.weightproof_run_name(run, i).decode(), (library.weightproof_run_result(run, i) or b"").decode())
                  for i in range(n)]
        return Results(claims, status, stopped or j["interrupted"], j["seconds"], messages, j)
    finally:
        library.weightproof_run_free(run)
