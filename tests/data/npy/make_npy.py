"""Write arrays as NumPy saves them, beside the same numbers in safetensors form (tests/models/check_npy.c compares the two).

    python tests/data/npy/make_npy.py          (needs numpy; the files are in the repository)
"""
import io
import json
import os
import struct
import zipfile

import numpy as np
from numpy.lib import format as npy

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = {"f2": "F16", "f4": "F32", "f8": "F64", "i1": "I8", "i2": "I16", "i4": "I32", "i8": "I64", "u1": "U8", "u2": "U16", "u4": "U32", "u8": "U64", "b1": "BOOL"}


def safetensors(path, arrays):
    header, data = {}, b""
    for k, v in arrays.items():
        raw = np.ascontiguousarray(v.astype(v.dtype.newbyteorder("<"))).tobytes()
        header[k] = {"dtype": NAMES[v.dtype.str[1:]], "shape": list(v.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    header = json.dumps(header).encode()
    with open(os.path.join(HERE, path), "wb") as f:
        f.write(struct.pack("<Q", len(header)) + header + data)


def one(array, version=None):
    out = io.BytesIO()
    npy.write_array(out, array, version=version)
    return out.getvalue()


rng = np.random.default_rng(0)
arrays = {}
for code in NAMES:
    for order in "<>":
        if code[0] == "f":
            a = (rng.standard_normal((3, 4)) * 100).astype(order + code)
        elif code[0] == "b":
            a = rng.integers(0, 2, (3, 4)).astype(code)
        else:
            info = np.iinfo(code)
            a = np.array([info.min, info.max - (2047 if code[0] == "u" else 1023) * (code[1] == "8"), 7, 1], order + code)
        arrays["%s_%s" % (code, "little" if order == "<" else "big")] = a
arrays.update(scalar=np.array(2.5), empty=np.zeros((3, 0, 2), "f4"), fortran=np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)),
              fortran_big=np.asfortranarray(np.arange(6, dtype=">i4").reshape(2, 3)), rank_eight=np.arange(6.0).reshape(1, 2, 1, 3, 1, 1, 1, 1), denormal=np.array([5e-324, -0.0]))

safetensors("arrays.safetensors", arrays)
np.savez(os.path.join(HERE, "stored.npz"), **arrays, note=np.array("two words: \u00e9\u20ac"), config=np.array('{"seed": 3}'))
np.savez_compressed(os.path.join(HERE, "deflated.npz"), **arrays)
with zipfile.ZipFile(os.path.join(HERE, "versions.npz"), "w") as z:   # headers of versions 1, 2, 3, and zip64 sizes
    for i, (k, v) in enumerate(arrays.items()):
        with z.open(k + ".npy", "w", force_zip64=True) as f:
            f.write(one(v, ((1, 0), (2, 0), (3, 0))[i % 3]))
for name in ("f4_big", "fortran", "scalar"):
    with open(os.path.join(HERE, name + ".npy"), "wb") as f:
        f.write(one(arrays[name]))
