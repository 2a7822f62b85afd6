"""Writes a state dict as a safetensors file: the bytes of every tensor as they are."""
from __future__ import annotations

import json
import os
from typing import Any, Mapping, Optional, Tuple

import numpy as np

_NUMPY = {"float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL"}


def _bytes(name: str, value: Any) -> Tuple[str, Tuple[int, ...], bytes]:
    """(dtype, shape, little-endian row-major bytes) of a torch tensor or anything that numpy understands."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().contiguous()
        if str(value.dtype) == "torch.bfloat16":
            import torch

            return "BF16", tuple(value.shape), value.view(torch.int16).numpy().astype("<i2").tobytes()
        value = value.numpy()
    array = np.asarray(value)
    if array.dtype.name not in _NUMPY:
        raise TypeError(f"tensor '{name}' has dtype {array.dtype}; float64, float32, float16, bfloat16, integers and bool are read")
    return _NUMPY[array.dtype.name], array.shape, np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()


def write(path: os.PathLike, state_dict: Mapping[str, Any], metadata: Optional[Mapping[str, str]] = None) -> None:
    header, blobs, at = {}, [], 0
    if metadata:
        header["__metadata__"] = dict(metadata)
    for name, value in state_dict.items():
        dtype, shape, blob = _bytes(name, value)
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(len(text).to_bytes(8, "little") + text)
        for blob in blobs:
            f.write(blob)
