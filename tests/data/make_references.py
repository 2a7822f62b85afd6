"""Turns NAME.reference.npz (PyTorch's inputs and logits) into NAME.reference.bin: the first 16 inputs.

usage: make_references.py FOLDER-WITH-NPZ [NAME...]     (numpy)
Form, little-endian: "WPREF1\\0\\0", int32 inputs, positions, vocabulary of the output; int32 tokens [inputs][positions];
float32 logits [inputs][positions][vocabulary]; float64 logits, the same shape.
"""
import pathlib
import sys

import numpy as np

NAMES = ["max4_s123", "max4_s123_int8", "max5_s50", "max10_s50", "modadd29", "cumsum12_s1", "induction_v16_n8_s1",
         "palindrome_v6_n8_s1", "sortlist_v12_n5_s1", "backdoor_max4_v32_s1"]
INPUTS = 16

folder = pathlib.Path(sys.argv[1])
here = pathlib.Path(__file__).parent
for name in sys.argv[2:] or NAMES:
    z = np.load(folder / f"{name}.reference.npz")
    shape = z["logits_float32"][:INPUTS].shape
    with open(here / f"{name}.reference.bin", "wb") as f:
        f.write(b"WPREF1\0\0")
        f.write(np.array(shape, "<i4").tobytes())
        f.write(z["inputs"][:INPUTS].astype("<i4").tobytes())
        f.write(z["logits_float32"][:INPUTS].astype("<f4").tobytes())
        f.write(z["logits_float64"][:INPUTS].astype("<f8").tobytes())
