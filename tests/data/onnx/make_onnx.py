"""Write the small ONNX models of this folder and what ONNX Runtime answers on them.

    python3 tests/data/onnx/make_onnx.py        needs onnx and onnxruntime (make check-peers installs them)

One model per operator and attribute, random weights, so small that they can be kept here. outputs.txt holds for each model the inputs and
what ONNX Runtime computes, as binary32 in hexadecimal. Sigmoid, BatchNormalization, LayerNormalization and RMSNormalization are computed there by
other formulas than their definitions (docs/onnx.md); the answers for these come from ONNX Runtime too, but from their definitions, node by node.
"""
import os
import zlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = []


def const(name, value, dtype=None):
    return numpy_helper.from_array(np.asarray(value, dtype=dtype or (np.float32 if np.asarray(value).dtype.kind == "f" else np.int64)), name)


class Case:
    """A model under construction: nodes and initializers are added by name."""

    def __init__(self, name, shape, out, opset=17, kind=T.FLOAT, vocabulary=0, ir=8):
        self.name, self.shape, self.out, self.opset, self.kind, self.vocabulary, self.ir = name, shape, out, opset, kind, vocabulary, ir
        self.nodes, self.weights, self.reference = [], [], None
        self.random = np.random.default_rng(zlib.crc32(name.encode()))
        CASES.append(self)

    def node(self, op, inputs, output, **attributes):
        self.nodes.append(h.make_node(op, inputs.split(), output.split(), **attributes))
        return self

    def weight(self, name, *shape, scale=1.0, positive=False, dtype=np.float32):
        w = self.random.normal(size=shape) * scale
        self.weights.append(const(name, np.abs(w).astype(dtype) + dtype(0.25) if positive else w.astype(dtype), dtype))
        return self

    def ints(self, name, *values, dtype=np.int64):
        self.weights.append(const(name, np.array(values, dtype), dtype))
        return self

    def scalar(self, name, value):
        self.weights.append(const(name, np.float32(value)))
        return self

    def value(self, name, array):
        self.weights.append(const(name, array, np.asarray(array).dtype))
        return self

    def model(self, nodes=None):
        graph = h.make_graph(nodes or self.nodes, self.name, [h.make_tensor_value_info("x", self.kind, self.shape)],
                             [h.make_tensor_value_info("y", T.FLOAT, self.out)], self.weights)
        model = h.make_model(graph, opset_imports=[h.make_opsetid("", self.opset)], producer_name="weightproof-tests")
        model.ir_version = self.ir
        return model

    def inputs(self):
        shape = [d if isinstance(d, int) else 1 for d in self.shape]
        if self.vocabulary:
            return [self.random.integers(0, self.vocabulary, shape).astype(np.int64 if self.kind == T.INT64 else np.int32) for _ in range(4)]
        return [(self.random.normal(size=shape) * s).astype(np.float32) for s in (1, 1, 3, 0.1)]


def unary(op, opset=17, **attributes):
    name = op.lower() + "".join("_%s_%s" % (k, str(v).replace(".", "").replace("-", "m")) for k, v in sorted(attributes.items()))
    Case(name, [2, 3], [2, 3], opset).node(op, "x", "y", **attributes)


def positive_unary(op):
    """Of x x + 1/4."""
    Case(op.lower(), [2, 3], [2, 3]).scalar("quarter", 0.25).node("Mul", "x x", "square").node("Add", "square quarter", "p").node(op, "p", "y")


def elementwise():
    c = Case("sigmoid", [2, 3], [2, 3]).node("Sigmoid", "x", "y")
    c.reference = [h.make_node("Neg", ["x"], ["n"]), h.make_node("Exp", ["n"], ["e"]), named("one", np.float32(1)), h.make_node("Add", ["e", "one"], ["d"]), h.make_node("Reciprocal", ["d"], ["y"])]
    for op in "Relu", "Tanh", "Erf", "Exp", "Neg", "Abs", "Identity":
        unary(op)
    unary("Gelu", 20)
    unary("Gelu", 20, approximate="tanh")
    unary("LeakyRelu")
    unary("LeakyRelu", alpha=0.125)
    unary("LeakyRelu", alpha=-0.3)
    positive_unary("Sqrt")
    positive_unary("Reciprocal")
    Case("prelu_channels", [1, 3, 2], [1, 3, 2]).weight("slope", 3, 1).node("PRelu", "x slope", "y")
    for p in 1, 2, 3, 4, 8:
        Case("pow_%d" % p, [2, 2], [2, 2]).scalar("p", p).node("Pow", "x p", "y")
    Case("pow_int", [2, 2], [2, 2]).ints("p", 3).node("Pow", "x p", "y")
    Case("pow_more_axes", [3], [1, 3]).value("p", np.full([1, 1], 2, np.float32)).node("Pow", "x p", "a").node("Softmax", "a", "y", axis=0)
    Case("pow_half", [2, 2], [2, 2]).scalar("p", 0.5).node("Abs", "x", "a").node("Pow", "a p", "y")
    for op in "Add", "Sub", "Mul", "Div", "Max", "Min":
        c = Case(op.lower() + "_broadcast", [2, 1, 3], [2, 4, 3]).weight("w", 4, 1, positive=op == "Div").node(op, "x w", "y")
        c = Case(op.lower() + "_two", [2, 3], [2, 3])
        if op == "Div":
            c.scalar("two", 2.0).node("Mul", "x x", "s").node("Add", "s two", "d").node("Div", "x d", "y")
        else:
            c.node("Tanh", "x", "t").node(op, "x t", "y")
    Case("sub_from_constant", [1, 3], [1, 3]).weight("w", 1, 3).node("Sub", "w x", "y")
    Case("max_three", [3], [2, 3]).weight("a", 2, 3).scalar("b", 0.1).node("Max", "x a b", "y")
    Case("min_one", [3], [3]).node("Min", "x", "m").node("Add", "m x", "y")
    Case("sum_three", [3], [3]).weight("a", 3).weight("b", 1).node("Sum", "x a b", "y")
    Case("clip_both", [2, 3], [2, 3]).scalar("low", -0.5).scalar("high", 0.75).node("Clip", "x low high", "y")
    Case("clip_high", [2, 3], [2, 3]).scalar("high", 0.25).nodes.append(h.make_node("Clip", ["x", "", "high"], ["y"]))
    Case("clip_6", [2, 3], [2, 3], 10).node("Clip", "x", "y", min=0.0, max=6.0)
    Case("clip_infinite", [3], [3]).scalar("low", -np.inf).scalar("high", np.inf).node("Clip", "x low high", "c").node("Neg", "c", "y")
    Case("constants_computed", [1, 2], [1, 2]).weight("a", 2).weight("b", 2, positive=True).node("Div", "a b", "q").node("Sqrt", "b", "r").node("Mul", "x q", "m").node("Add", "m r", "y")


def matrices():
    Case("gemm", [1, 4], [1, 3]).weight("W", 4, 3).weight("b", 3).node("Gemm", "x W b", "y")
    Case("gemm_batch", ["N", 4], ["N", 3]).weight("W", 3, 4).weight("b", 1, 3).node("Gemm", "x W b", "y", transB=1)
    Case("gemm_rows", [2, 4], [2, 3]).weight("W", 4, 3).weight("b", 2, 1).node("Gemm", "x W b", "y")
    Case("gemm_no_bias", [1, 4], [1, 3]).weight("W", 4, 3).node("Gemm", "x W", "y")
    Case("gemm_alpha_beta", [1, 4], [1, 3]).weight("W", 3, 4).weight("b", 3).node("Gemm", "x W b", "y", alpha=0.3, beta=1.7, transB=1)
    Case("gemm_beta", [1, 4], [1, 3]).weight("W", 4, 3).weight("b", 1).node("Gemm", "x W b", "y", beta=0.5)
    Case("gemm_trans_a", [4, 2], [2, 3]).weight("W", 4, 3).scalar("b", 0.5).node("Gemm", "x W b", "y", transA=1)
    Case("gemm_both_computed", [2, 3], [2, 2]).node("Tanh", "x", "t").node("Gemm", "x t", "y", transB=1)
    Case("gemm_bias_computed", [1, 3], [1, 3]).weight("W", 3, 3).node("Gemm", "x W x", "y")
    Case("matmul_constant", [1, 4], [1, 3]).weight("W", 4, 3).node("MatMul", "x W", "y")
    Case("matmul_bias", ["N", 4], ["N", 2]).weight("W", 4, 3).weight("b", 3).weight("V", 3, 2).node("MatMul", "x W", "m").node("Add", "b m", "a").node("Relu", "a", "r").node("MatMul", "r V", "y")
    Case("matmul_read_twice", [1, 4], [1, 3]).weight("W", 4, 3).weight("b", 3).node("MatMul", "x W", "m").node("Add", "m b", "a").node("Mul", "a m", "y")
    Case("matmul_bias_wider", [1, 4], [2, 3]).weight("W", 4, 3).weight("b", 2, 3).node("MatMul", "x W", "m").node("Add", "m b", "y")
    Case("matmul_rows", [2, 3, 4], [2, 3, 2]).weight("W", 4, 2).node("MatMul", "x W", "y")
    Case("matmul_constant_left", [3, 2], [4, 2]).weight("W", 4, 3).node("MatMul", "W x", "y")
    Case("matmul_vectors", [4], [3]).weight("W", 4, 3).node("MatMul", "x W", "y")
    Case("matmul_vector_right", [2, 4], [2]).weight("v", 4).node("MatMul", "x v", "y")
    Case("matmul_dot", [4], []).weight("v", 4).node("MatMul", "x v", "y")
    Case("matmul_batches", [2, 2, 3], [2, 2, 2]).node("Transpose", "x", "t", perm=[0, 2, 1]).node("MatMul", "x t", "y")
    Case("matmul_broadcast_right", [2, 1, 2, 3], [2, 4, 2, 2]).weight("W", 4, 3, 2).node("MatMul", "x W", "y")
    Case("matmul_broadcast_left", [2, 3], [4, 5, 3]).weight("W", 4, 5, 2).node("MatMul", "W x", "y")
    Case("matmul_batched_constant", [4, 2, 3], [4, 2, 2]).weight("W", 4, 3, 2).node("MatMul", "x W", "y")
    c = Case("mlp_names", ["batch_size", 3], ["batch_size", 2]).weight("fc1/weight:0", 3, 4).weight("fc1/bias:0", 4).weight("0.weight", 4, 2)
    c.node("Gemm", "x fc1/weight:0 fc1/bias:0", "/fc1/Gemm_output_0").node("Relu", "/fc1/Gemm_output_0", "/act").node("MatMul", "/act 0.weight", "y")


def shapes():
    Case("flatten", [2, 2, 3], [2, 6]).node("Flatten", "x", "f").node("Relu", "f", "y")
    Case("flatten_axis", [2, 2, 3], [4, 3]).node("Flatten", "x", "f", axis=-1).node("Relu", "f", "y")
    Case("flatten_axis_0", [2, 3], [1, 6]).node("Flatten", "x", "f", axis=0).node("Relu", "f", "y")
    Case("reshape", [2, 3, 2], [2, 6]).ints("s", 0, -1).node("Reshape", "x s", "y")
    Case("reshape_by_shape", ["N", 2, 3], ["N", 6]).ints("i", 0).ints("minus", -1).node("Shape", "x", "s").node("Gather", "s i", "n").node("Concat", "n minus", "t", axis=0).node("Reshape", "x t", "f").node("Relu", "f", "y")
    Case("reshape_computed", [2, 3], [6]).ints("i", 0).ints("j", 1).ints("u", 0).node("Shape", "x", "s").node("Gather", "s i", "a").node("Gather", "s j", "b").node("Mul", "a b", "n").node("Reshape", "x n", "y")
    Case("transpose", [2, 3, 4], [4, 3, 2]).node("Transpose", "x", "y")
    Case("transpose_perm", [2, 3, 4], [3, 2, 4]).node("Transpose", "x", "y", perm=[1, 0, 2])
    Case("squeeze_all", [1, 2, 1, 3], [2, 3]).node("Squeeze", "x", "y")
    Case("squeeze_axes", [1, 2, 1, 3], [1, 2, 3]).ints("a", -2).node("Squeeze", "x a", "y")
    Case("squeeze_11", [1, 2, 1, 3], [2, 1, 3], 11).node("Squeeze", "x", "y", axes=[0])
    Case("unsqueeze", [2, 3], [2, 1, 3, 1]).ints("a", 1, -1).node("Unsqueeze", "x a", "y")
    Case("unsqueeze_11", [2, 3], [1, 2, 3], 11).node("Unsqueeze", "x", "y", axes=[0])
    Case("concat", [2, 3], [2, 7]).weight("w", 2, 1).node("Neg", "x", "n").node("Concat", "x w n", "y", axis=1)
    Case("concat_first", [2, 3], [3, 3]).weight("w", 1, 3).node("Concat", "w x", "y", axis=0)
    Case("concat_one", [2, 3], [2, 3]).node("Concat", "x", "c", axis=-1).node("Neg", "c", "y")
    Case("slice", [4, 5], [2, 2]).ints("s", 1, -1).ints("e", 3, -5).ints("a", 0, 1).ints("t", 1, -2).node("Slice", "x s e a t", "y")
    Case("slice_reverse", [2, 3], [2, 3]).ints("s", -1).ints("e", -2**63).ints("a", 1).ints("t", -1).node("Slice", "x s e a t", "y")
    Case("slice_to_end", [4, 3], [2, 3]).ints("s", 2).ints("e", 2**63 - 1).node("Slice", "x s e", "y")
    Case("slice_9", [4, 3], [2, 3], 9).node("Slice", "x", "y", starts=[1], ends=[-1], axes=[0])
    Case("split_even", [2, 4], [2, 2]).node("Split", "x", "a b", axis=1).node("Mul", "a b", "y")
    Case("split_sizes", [5], [2]).ints("s", 2, 1, 2).node("Split", "x s", "a b c").node("Sub", "a c", "d").node("Mul", "d b", "y")
    Case("split_11", [1, 5], [1, 2], 11).node("Split", "x", "a b", axis=-1, split=[3, 2]).node("Relu", "b", "y")
    Case("split_18", [5], [1], 18).node("Split", "x", "a b c", num_outputs=3).node("Neg", "c", "y")
    Case("gather", [3, 2], [2, 2, 2]).value("i", np.array([[0, -1], [2, 1]])).node("Gather", "x i", "y")
    Case("gather_axis", [2, 3], [2, 2]).ints("i", 2, 0).node("Gather", "x i", "y", axis=1)
    Case("gather_scalar", [2, 3], [2]).value("i", np.array(1)).node("Gather", "x i", "y", axis=-1)
    Case("expand", [2, 1], [3, 2, 4]).ints("s", 3, 1, 4).node("Expand", "x s", "y")
    Case("constant_node", [2], [2]).nodes.extend([h.make_node("Constant", [], ["c"], value=const("v", np.array([0.5, -3], np.float32))), h.make_node("Mul", ["x", "c"], ["y"])])
    Case("constant_float", [2], [2]).nodes.extend([h.make_node("Constant", [], ["c"], value_float=0.1), h.make_node("Constant", [], ["d"], value_floats=[1.0, 2.0]),
                                                   h.make_node("Add", ["c", "d"], ["e"]), h.make_node("Mul", ["x", "e"], ["y"])])
    Case("constant_int", [2, 3], [3, 2]).nodes.extend([h.make_node("Constant", [], ["c"], value_ints=[3, -1]), h.make_node("Reshape", ["x", "c"], ["y"])])
    Case("constant_of_shape", [2, 2], [2, 2]).node("Shape", "x", "s").nodes.extend([h.make_node("ConstantOfShape", ["s"], ["c"], value=const("v", np.array([1.5], np.float32))), h.make_node("Mul", ["x", "c"], ["y"])])
    Case("constant_output", [2], [2, 2]).value("i", np.ones((2, 2), np.float32)).node("Identity", "i", "y")
    Case("dropout", [2, 2], [2, 2]).node("Dropout", "x", "y")
    Case("dropout_inference", [2, 2], [2, 2]).scalar("r", 0.5).value("t", np.array(False)).node("Dropout", "x r t", "y")
    Case("dropout_10", [2, 2], [2, 2], 10).node("Dropout", "x", "y", ratio=0.4)
    Case("cast_constant", [3], [3]).ints("i", 1, -2, 3).node("Cast", "i", "f", to=T.FLOAT).node("Mul", "x f", "y")
    Case("cast_input", [3], [3]).node("Cast", "x", "f", to=T.FLOAT).node("Neg", "f", "y")
    Case("cast_half_constant", [3], [3]).weight("w", 3, dtype=np.float16).node("Cast", "w", "f", to=T.FLOAT).node("Mul", "x f", "y")
    Case("where", [2, 3], [2, 3]).value("c", np.array([[True, False, True]])).scalar("z", -9.0).node("Where", "c x z", "y")
    Case("where_mask", [1, 3, 3], [1, 3, 3]).value("c", np.tril(np.ones((3, 3), bool))).scalar("z", -1e4).node("Where", "c x z", "m").node("Softmax", "m", "y", axis=-1)
    Case("range_positions", [2, 3], [2, 3]).value("zero", np.array(0)).value("one", np.array(1)).value("two", np.array(2)).weight("P", 4, 3).node("Range", "zero two one", "r").node("Gather", "P r", "p").node("Add", "x p", "y")
    Case("trilu", [1, 3, 4], [1, 3, 4]).node("Trilu", "x", "y")
    Case("trilu_lower", [1, 3, 4], [1, 3, 4]).value("n", np.int64(-1)).node("Trilu", "x n", "y", upper=0)
    Case("trilu_mask", [1, 3, 3], [1, 3, 3]).value("o", np.full((3, 3), -1e4, np.float32)).value("k", np.int64(1)).node("Trilu", "o k", "m", upper=1).node("Add", "x m", "a").node("Softmax", "a", "y", axis=-1)
    Case("trilu_integers", [1, 3, 3], [1, 3, 3]).value("o", np.ones((3, 3), np.int64)).scalar("z", -9.0).node("Trilu", "o", "m", upper=0).node("Cast", "m", "c", to=T.BOOL).node("Where", "c x z", "y")
    Case("expand_equal", [1, 3], [2, 3]).ints("s", -1, 3).ints("minus", -1).ints("d", 2, 1).node("Equal", "s minus", "e").node("Where", "e d s", "t").node("Expand", "x t", "y")
    Case("out_of_order", [2], [2]).node("Mul", "x c", "y").node("Exp", "d", "c").weight("d", 2)
    Case("size", [2, 3], [2, 3]).node("Size", "x", "n").node("Cast", "n", "f", to=T.FLOAT).node("Div", "x f", "y")
    Case("shape_part", [2, 3, 4], [2, 12]).ints("one", -1).node("Shape", "x", "s", start=0, end=1).node("Concat", "s one", "t", axis=0).node("Reshape", "x t", "y")


def axes():
    Case("softmax", [2, 3], [2, 3]).node("Softmax", "x", "y")
    Case("softmax_axis", [2, 3, 2], [2, 3, 2]).node("Softmax", "x", "y", axis=1)
    Case("softmax_11", [2, 3, 2], [2, 3, 2], 11).node("Softmax", "x", "y", axis=1)
    Case("softmax_11_default", [1, 2, 2], [1, 2, 2], 11).node("Softmax", "x", "y")
    for op in "ReduceMean", "ReduceMax", "ReduceMin":
        Case(op.lower() + "_attribute", [2, 3, 2], [2, 1, 2], 13).node(op, "x", "y", axes=[1])
        Case(op.lower() + "_input", [2, 3, 2], [3], 18).ints("a", 0, -1).node(op, "x a", "y", keepdims=0)
    Case("reducesum_attribute", [2, 3], [2, 1], 11).node("ReduceSum", "x", "y", axes=[-1])
    Case("reducesum_input", [2, 3], [3], 13).ints("a", 0).node("ReduceSum", "x a", "y", keepdims=0)
    Case("reducesum_all", [2, 3], [1, 1], 13).node("ReduceSum", "x", "y")
    Case("reducesum_noop", [2, 3], [2, 3], 13).node("ReduceSum", "x", "r", noop_with_empty_axes=1).node("Neg", "r", "y")
    # normalisations: the answers are those of their definitions
    c = Case("layernorm_whole", [1, 4], [1, 4]).weight("s", 4).weight("b", 4).node("LayerNormalization", "x s b", "y")
    c.reference = layernorm([1, 4], 1e-5, True)
    c = Case("layernorm_rows", [2, 3, 4], [2, 3, 4]).weight("s", 4).weight("b", 4).node("LayerNormalization", "x s b", "y", epsilon=1e-3)
    c.reference = layernorm([2, 3, 4], 1e-3, True)
    c = Case("layernorm_no_bias", [1, 4], [1, 4]).weight("s", 4).node("LayerNormalization", "x s", "y")
    c.reference = layernorm([1, 4], 1e-5, False)
    c = Case("layernorm_axis", [2, 3, 2], [2, 3, 2]).weight("s", 3, 2).weight("b", 3, 2).node("LayerNormalization", "x s b", "y", axis=1)
    c.reference = layernorm([2, 3, 2], 1e-5, True, [1, 2])
    c = Case("rmsnorm_whole", [1, 4], [1, 4], 23, ir=11).weight("s", 4).node("RMSNormalization", "x s", "y", epsilon=1e-4)
    c.reference = rmsnorm(1e-4)
    c = Case("rmsnorm_rows", [3, 4], [3, 4], 23, ir=11).weight("s", 4).node("RMSNormalization", "x s", "y")
    c.reference = rmsnorm(1e-5)
    for name, shape in ("batchnorm_channels", [1, 3, 2, 2]), ("batchnorm_features", ["N", 3]):
        c = Case(name, shape, shape).weight("s", 3).weight("b", 3).weight("m", 3).weight("v", 3, positive=True).node("BatchNormalization", "x s b m v", "y", epsilon=1e-3)
        c.reference = batchnorm(3, len(shape), 1e-3)
    Case("layernorm_exported", [2, 4], [2, 4], 13).scalar("two", 2).scalar("eps", 1e-5).weight("s", 4).weight("b", 4).node("ReduceMean", "x", "m", axes=[-1]).node("Sub", "x m", "c") \
        .node("Pow", "c two", "q").node("ReduceMean", "q", "v", axes=[-1]).node("Add", "v eps", "e").node("Sqrt", "e", "d").node("Div", "c d", "n").node("Mul", "n s", "w").node("Add", "w b", "y")


def named(name, value):
    return h.make_node("Constant", [], [name], value=const(name, value))


def layernorm(shape, eps, bias, axes=(-1,)):
    return [named("axes", np.array(axes)), named("eps", np.float32(eps)), h.make_node("ReduceMean", ["x", "axes"], ["mean"]), h.make_node("Sub", ["x", "mean"], ["c"]),
            h.make_node("Mul", ["c", "c"], ["q"]), h.make_node("ReduceMean", ["q", "axes"], ["var"]), h.make_node("Add", ["var", "eps"], ["e"]), h.make_node("Sqrt", ["e"], ["d"]),
            h.make_node("Div", ["c", "d"], ["n"]), h.make_node("Mul", ["n", "s"], ["w" if bias else "y"])] + ([h.make_node("Add", ["w", "b"], ["y"])] if bias else [])


def rmsnorm(eps):
    return [named("axes", np.array([-1])), named("eps", np.float32(eps)), h.make_node("Mul", ["x", "x"], ["q"]), h.make_node("ReduceMean", ["q", "axes"], ["var"]),
            h.make_node("Add", ["var", "eps"], ["e"]), h.make_node("Sqrt", ["e"], ["d"]), h.make_node("Div", ["x", "d"], ["n"]), h.make_node("Mul", ["n", "s"], ["y"])]


def batchnorm(channels, rank, eps):
    shape = np.array([1, channels] + [1] * (rank - 2))
    nodes = [named("shape", shape), named("eps", np.float32(eps))]
    nodes += [h.make_node("Reshape", [k, "shape"], [k + k]) for k in "sbmv"]
    return nodes + [h.make_node("Sub", ["x", "mm"], ["c"]), h.make_node("Add", ["vv", "eps"], ["e"]), h.make_node("Sqrt", ["e"], ["d"]), h.make_node("Div", ["c", "d"], ["n"]),
                    h.make_node("Mul", ["n", "ss"], ["w"]), h.make_node("Add", ["w", "bb"], ["y"])]


def windows():
    Case("conv", [1, 2, 4, 4], [1, 3, 3, 3]).weight("W", 3, 2, 2, 2).weight("b", 3).node("Conv", "x W b", "y")
    Case("conv_pads_strides", [1, 1, 5, 4], [1, 2, 3, 4]).weight("W", 2, 1, 3, 2).node("Conv", "x W", "y", kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1])
    Case("conv_dilations", [1, 1, 5, 5], [1, 1, 3, 1]).weight("W", 1, 1, 2, 3).weight("b", 1).node("Conv", "x W b", "y", dilations=[2, 2])
    Case("conv_groups", [1, 4, 3, 3], [1, 6, 2, 2]).weight("W", 6, 2, 2, 2).weight("b", 6).node("Conv", "x W b", "y", group=2)
    Case("conv_depthwise", [1, 3, 3, 3], [1, 3, 3, 3]).weight("W", 3, 1, 3, 3).node("Conv", "x W", "y", group=3, pads=[1, 1, 1, 1])
    Case("conv_same_upper", [1, 1, 4, 5], [1, 1, 2, 3]).weight("W", 1, 1, 3, 2).node("Conv", "x W", "y", auto_pad="SAME_UPPER", strides=[2, 2])
    Case("conv_same_lower", [1, 1, 4, 5], [1, 1, 2, 3]).weight("W", 1, 1, 3, 2).node("Conv", "x W", "y", auto_pad="SAME_LOWER", strides=[2, 2])
    Case("conv_valid", [1, 1, 4, 4], [1, 1, 2, 2]).weight("W", 1, 1, 3, 3).node("Conv", "x W", "y", auto_pad="VALID")
    Case("conv_1d", [1, 2, 6], [1, 2, 3]).weight("W", 2, 2, 3).weight("b", 2).node("Conv", "x W b", "y", strides=[2], pads=[1, 0])
    Case("conv_images", [2, 2, 3, 3], [2, 2, 2, 2]).weight("W", 2, 1, 2, 2).weight("b", 2).node("Conv", "x W b", "y", group=2)
    Case("maxpool", [1, 2, 4, 4], [1, 2, 2, 2]).node("MaxPool", "x", "y", kernel_shape=[2, 2], strides=[2, 2])
    Case("maxpool_pads", [1, 1, 4, 4], [1, 1, 4, 3]).node("MaxPool", "x", "y", kernel_shape=[3, 2], pads=[1, 0, 1, 0])
    Case("maxpool_ceil", [1, 1, 5, 5], [1, 1, 3, 3]).node("MaxPool", "x", "y", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    Case("maxpool_dilations", [1, 1, 5, 5], [1, 1, 3, 3]).node("MaxPool", "x", "y", kernel_shape=[2, 2], dilations=[2, 2])
    Case("maxpool_same", [1, 1, 5, 4], [1, 1, 3, 2]).node("MaxPool", "x", "y", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")
    Case("maxpool_1d", [1, 2, 6], [1, 2, 3]).node("MaxPool", "x", "y", kernel_shape=[2], strides=[2])
    Case("averagepool", [1, 2, 4, 4], [1, 2, 2, 2]).node("AveragePool", "x", "y", kernel_shape=[2, 2], strides=[2, 2])
    Case("averagepool_pads", [1, 1, 3, 3], [1, 1, 3, 3]).node("AveragePool", "x", "y", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    Case("averagepool_include", [1, 1, 3, 3], [1, 1, 3, 3]).node("AveragePool", "x", "y", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)
    Case("averagepool_ceil_same_shape", [1, 1, 4, 4], [1, 1, 2, 2]).node("AveragePool", "x", "y", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    Case("averagepool_1d", [1, 2, 5], [1, 2, 2]).node("AveragePool", "x", "y", kernel_shape=[3], strides=[2])
    Case("globalaveragepool", [1, 3, 2, 3], [1, 3, 1, 1]).node("GlobalAveragePool", "x", "y")
    c = Case("cnn", ["N", 1, 6, 6], ["N", 2]).weight("W", 2, 1, 3, 3).weight("b", 2).weight("V", 2, 8).weight("d", 2)
    c.node("Conv", "x W b", "c").node("Relu", "c", "r").node("MaxPool", "r", "p", kernel_shape=[2, 2], strides=[2, 2]).node("Flatten", "p", "f").node("Gemm", "f V d", "y", transB=1)


def whole():
    """Attention over 3 positions with 2 heads, from real inputs and from tokens; sums of embedded tokens."""
    def attention(c, x, n, d, heads):
        e = d // heads
        c.weight("Wq", d, d).weight("Wk", d, d).weight("Wv", d, d).weight("Wo", d, d).ints("split", 1, n, heads, e).ints("join", 1, n, d).scalar("root", e ** 0.5)
        for k in "qkv":
            c.node("MatMul", x + " W" + k, k + "0").node("Reshape", k + "0 split", k + "1").node("Transpose", k + "1", k, perm=[0, 2, 3, 1] if k == "k" else [0, 2, 1, 3])
        c.node("MatMul", "q k", "s").node("Div", "s root", "s1").node("Softmax", "s1", "p", axis=-1).node("MatMul", "p v", "z")
        return c.node("Transpose", "z", "z1", perm=[0, 2, 1, 3]).node("Reshape", "z1 join", "z2").node("MatMul", "z2 Wo", "a").node("Add", x + " a", "r")
    attention(Case("attention", [1, 3, 4], [1, 3, 4]), "x", 3, 4, 2).node("Relu", "r", "y")
    c = Case("tokens_attention", ["N", 3], ["N", 5], kind=T.INT64, vocabulary=6).weight("E", 6, 4).weight("P", 3, 4).node("Gather", "E x", "e").node("Add", "e P", "h")
    attention(c, "h", 3, 4, 2).value("last", np.array(-1)).weight("U", 4, 5).node("Gather", "r last", "f", axis=1).node("MatMul", "f U", "y")
    c = Case("tokens_sum", [1, 2], [1, 3], kind=T.INT32, vocabulary=4).weight("E", 4, 3).value("i", np.array(0)).value("j", np.array(1)).weight("W", 3, 3)
    c.node("Gather", "x i", "a", axis=1).node("Gather", "x j", "b", axis=1).node("Gather", "E a", "ea").node("Gather", "E b", "eb").node("Add", "ea eb", "s").node("MatMul", "s W", "y")
    Case("tokens_one", [1], [1, 3], kind=T.INT64, vocabulary=5).weight("E", 5, 3).node("Gather", "E x", "e").node("Tanh", "e", "y")


def hexadecimal(values):
    return " ".join(float(v).hex() for v in np.asarray(values).ravel())


def main():
    for part in elementwise, matrices, shapes, axes, windows, whole:
        part()
    lines = []
    for c in CASES:
        model = c.model()
        if c.name != "out_of_order":  # ONNX asks for an order of the nodes; ONNX Runtime and some exporters do not
            onnx.checker.check_model(model, full_check=True)
        with open(os.path.join(HERE, c.name + ".onnx"), "wb") as f:
            f.write(model.SerializeToString(deterministic=True))
        if c.reference:
            c.opset = max(c.opset, 18)
            model = c.model(c.reference)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        lines.append("model " + c.name)
        for x in c.inputs():
            lines += ["input " + (" ".join(map(str, x.ravel())) if c.vocabulary else hexadecimal(x)), "output " + hexadecimal(session.run(None, {"x": x})[0])]
    with open(os.path.join(HERE, "outputs.txt"), "w") as f:
        f.write("\n".join(lines) + "\n")
    print("%d models" % len(CASES))


if __name__ == "__main__":
    main()
