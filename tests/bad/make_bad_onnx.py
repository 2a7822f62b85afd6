"""Write the bad ONNX files of tests/bad/onnx, each named by its one defect.

    python3 tests/bad/make_bad_onnx.py

Standard library only: the few fields of a protobuf message are written by hand. The same bytes every time.
"""
import os
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
FLOAT, UINT8, INT8, INT32, INT64, STRING, BOOL, DOUBLE = 1, 2, 3, 6, 7, 8, 9, 11


def varint(n):
    n &= (1 << 64) - 1
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    """One field: integers as varints, floats in four bytes, the rest with its length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields(number, values):
    return b"".join(field(number, v) for v in values)


def tensor(name, dims, values, kind=FLOAT, more=b""):
    data = {FLOAT: "f", INT64: "q", INT32: "i", BOOL: "B", DOUBLE: "d", INT8: "b"}.get(kind)
    raw = struct.pack("<%d%s" % (len(values), data), *values) if data else bytes(values)
    return fields(1, dims) + field(2, kind) + field(8, name) + (field(9, raw) if values else b"") + more


def ints(name, *values):
    return tensor(name, [len(values)], values, INT64)


def attribute(name, value):
    if isinstance(value, list):
        return field(5, field(1, name) + fields(8, value) + field(20, 7))
    number, kind = {int: (3, 2), float: (2, 1), str: (4, 3), bytes: (5, 4)}[type(value)]
    return field(5, field(1, name) + field(number, value) + field(20, kind))


def node(op, inputs, outputs, name="n", more=b"", **attributes):
    return fields(1, inputs.split()) + fields(2, outputs.split()) + field(3, name) + field(4, op) + b"".join(attribute(k, v) for k, v in attributes.items()) + more


def info(name, dims, kind=FLOAT):
    shape = b"".join(field(1, field(1, d) if isinstance(d, int) else field(2, d) if d else b"") for d in dims)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, shape)))


def graph(nodes, x=(1, 2), y=(1, 2), weights=(), inputs=None, outputs=None, more=b""):
    inputs = [info("x", x)] if inputs is None else inputs
    outputs = [info("y", y)] if outputs is None else outputs
    return fields(1, nodes) + field(2, "g") + fields(5, weights) + fields(11, inputs) + fields(12, outputs) + more


def model(g, opset=17, ir=8, more=b""):
    return (field(1, ir) if ir else b"") + (field(8, field(1, "") + field(2, opset)) if opset else b"") + (field(7, g) if g is not None else b"") + more


def one(op, inputs="x", outputs="y", x=(2, 3), y=(2, 3), weights=(), opset=17, more=b"", **attributes):
    """A model of one node."""
    return model(graph([node(op, inputs, outputs, more=more, **attributes)], x, y, weights), opset)


def with_weight(w):
    return model(graph([node("Add", "x w", "y")], weights=[w]))


W = tensor("w", [3, 2], [1, 2, 3, 4, 5, 6])
IMAGE = (1, 1, 4, 4)
KERNEL = tensor("w", [1, 1, 2, 2], [1, 2, 3, 4])


def container():
    good = one("Relu")
    relu = [node("Relu", "x", "y")]
    return {
        "not_a_message": b"\x08\x07\x12\x04",
        "empty": b"",
        "truncated": good[:-3],
        "length_beyond_end": field(1, 8) + varint(7 << 3 | 2) + varint(1 << 40) + b"abc",
        "ir_version_missing": model(graph(relu), ir=0),
        "graph_missing": model(None),
        "name_not_utf8": model(graph([node("Relu", "x", "y", b"\xc3\x28")])),
        "name_with_control_byte": model(graph([node("Relu", "x", "y", "a\nb")])),
        "opset_missing": model(graph(relu), opset=0),
        "opset_twice": model(graph(relu), more=field(8, field(2, 13))),
        "opset_6": model(graph(relu), opset=6),
        "opset_of_the_future": model(graph(relu), opset=1000),
        "opset_negative": model(graph(relu), opset=-1),
    }


def tensors():
    huge = [1 << 20, 1 << 20]
    return {
        "external_data": with_weight(tensor("w", [1, 2], [], more=field(13, field(1, "location") + field(2, "weights.bin")) + field(14, 1))),
        "segments": with_weight(tensor("w", [1, 2], [1, 2], more=field(3, b"\x08\x00"))),
        "element_type_unknown": with_weight(tensor("w", [1, 2], [1, 2], 77)),
        "element_type_string": with_weight(tensor("w", [1, 2], [1, 2], STRING)),
        "nine_dimensions": with_weight(tensor("w", [1] * 9, [1])),
        "dimension_negative": with_weight(tensor("w", [-1, 2], [1, 2])),
        "entries_too_many": with_weight(tensor("w", huge, [1, 2])),
        "dimensions_overflow": with_weight(tensor("w", [1 << 62, 1 << 62], [1, 2])),
        "data_too_short": with_weight(tensor("w", [1, 2], [1])),
        "data_missing": with_weight(tensor("w", [1, 2], [])),
        "data_in_the_wrong_place": with_weight(tensor("w", [1, 2], [], more=field(7, varint(1) + varint(2)))),
        "data_twice": with_weight(tensor("w", [1, 2], [1, 2], more=field(4, struct.pack("<2f", 1, 2)))),
        "data_half_an_element": with_weight(tensor("w", [1, 2], [], more=field(9, b"1234567"))),
        "bool_of_two": one("Where", "w x x", weights=[tensor("w", [1], [2], BOOL)]),
        "weight_nan": with_weight(tensor("w", [1, 2], [1, float("nan")])),
        "weight_infinite": with_weight(tensor("w", [1, 2], [float("-inf"), 0])),
        "sparse_weights": model(graph([node("Relu", "x", "y")], more=field(15, b"\x12\x00"))),
        "initializer_without_name": with_weight(tensor("", [1, 2], [1, 2])),
        "initializer_twice": model(graph([node("Add", "x w", "y")], weights=[tensor("w", [1, 2], [1, 2])] * 2)),
    }


def graphs():
    relu = [node("Relu", "x", "y")]
    return {
        "computed_twice": model(graph(relu + [node("Exp", "x", "y")])),
        "input_computed": model(graph(relu + [node("Exp", "x", "x")])),
        "cycle": model(graph([node("Add", "x b", "a"), node("Exp", "a", "b"), node("Add", "a b", "y")])),
        "input_of_no_node": model(graph([node("Add", "x z", "y")])),
        "output_of_no_node": model(graph([node("Relu", "x", "z")])),
        "no_outputs": model(graph(relu, outputs=[])),
        "output_without_name": model(graph(relu, outputs=[info("", [1, 2])])),
        "two_outputs": model(graph(relu, outputs=[info("y", [1, 2]), info("x", [1, 2])])),
        "no_inputs": model(graph([node("Relu", "w", "y")], inputs=[], weights=[tensor("w", [1, 2], [1, 2])])),
        "two_inputs": model(graph([node("Add", "x z", "y")], inputs=[info("x", [1, 2]), info("z", [1, 2])])),
        "input_without_name": model(graph(relu, inputs=[info("", [1, 2])])),
        "input_without_shape": model(graph(relu, inputs=[field(1, "x") + field(2, field(1, field(1, FLOAT)))])),
        "input_double": model(graph(relu, inputs=[info("x", [1, 2], DOUBLE)])),
        "input_of_nine_dimensions": model(graph(relu, inputs=[info("x", [1] * 9)])),
        "input_length_open": model(graph(relu, x=("N", "length"))),
        "input_size_open": model(graph(relu, x=(1, ""))),
        "input_too_large": model(graph(relu, x=(1, 1 << 40))),
        "output_of_integers": model(graph([node("Shape", "x", "y")], outputs=[info("y", [2], INT64)])),
        "output_shape_differs": model(graph(relu, y=(1, 3))),
        "tokens_without_table": model(graph([node("Identity", "w", "y")], inputs=[info("x", [1, 2], INT64)], weights=[tensor("w", [1, 2], [1, 2])])),
        "tokens_added": model(graph([node("Add", "x x", "y")], inputs=[info("x", [1, 2], INT64)])),
        "tokens_cast": model(graph([node("Cast", "x", "y", to=FLOAT)], inputs=[info("x", [1, 2], INT64)])),
        "tokens_along_columns": model(graph([node("Gather", "w x", "y", axis=1)], inputs=[info("x", [1, 2], INT64)], weights=[W])),
        "tokens_of_two_tables": model(graph([node("Gather", "w x", "a"), node("Gather", "v x", "b"), node("Add", "a b", "y")], inputs=[info("x", [1, 2], INT64)], y=(1, 2, 2),
                                            weights=[W, tensor("v", [2, 2], [1, 2, 3, 4])])),
        "tokens_and_numbers_joined": model(graph([node("Concat", "x w", "y", axis=0)], inputs=[info("x", [2], INT64)], weights=[ints("w", 1)])),
    }


def nodes():
    return {
        "operator_unknown": one("Einsum", equation="ij->ji"),
        "operator_of_another_domain": one("FusedMatMul", more=field(7, "com.microsoft")),
        "attribute_unknown": one("Relu", slope=1.0),
        "attribute_part_of_another": one("Transpose", per=[1, 0]),
        "attribute_twice": one("Softmax", more=attribute("axis", 1) + attribute("axis", 1)),
        "attribute_of_a_function": one("Softmax", more=field(5, field(1, "axis") + field(20, 2) + field(21, "a"))),
        "attribute_not_an_integer": one("Softmax", axis=1.0),
        "attribute_not_a_list": one("Transpose", perm=1),
        "attribute_not_a_number": one("LeakyRelu", alpha="much"),
        "attribute_word_too_long": one("Gelu", opset=20, approximate="t" * 50),
        "too_many_inputs": one("Relu", "x x"),
        "input_left_out": one("Add", "x"),
        "second_output_read": model(graph([node("Dropout", "x", "a m"), node("Add", "a m", "y")])),
        "gelu_unknown": one("Gelu", opset=20, approximate="sigmoid"),
        "exponent_negative": one("Pow", "x w", weights=[tensor("w", [], [-1.0])]),
        "exponent_of_two_entries": one("Pow", "x w", weights=[tensor("w", [2], [1.0, 2.0])]),
        "slope_wider": one("PRelu", "x w", y=(2, 2, 3), weights=[tensor("w", [2, 1, 1], [1, 2])]),
        "comparison_of_numbers": model(graph([node("Less", "x x", "c"), node("Where", "c x x", "y")])),
        "integers_overflow_int8": model(graph([node("Add", "a a", "s"), node("Reshape", "x s", "y")], weights=[tensor("a", [1], [100], INT8)])),
        "integers_overflow_uint8": model(graph([node("Sub", "a b", "s"), node("Reshape", "x s", "y")], weights=[tensor("a", [1], [3], UINT8), tensor("b", [1], [5], UINT8)])),
        "doubles_computed": model(graph([node("Div", "a a", "s"), node("Cast", "s", "t", to=FLOAT), node("Mul", "x t", "y")], weights=[tensor("a", [1], [3.0], DOUBLE)])),
        "integers_overflow": model(graph([node("Mul", "a a", "s"), node("Reshape", "x s", "y")], weights=[ints("a", 1 << 40)])),
        "integers_over_zero": model(graph([node("Div", "a b", "s"), node("Reshape", "x s", "y")], weights=[ints("a", 2), ints("b", 0)])),
        "integers_computed_with": one("Relu", "w", weights=[ints("w", 1, 2)]),
        "shapes_without_broadcast": one("Add", "x w", weights=[W]),
        "first_input_left_out": model(graph([fields(1, ["", "w"]) + node("Clip", "", "y")], weights=[tensor("w", [], [1])])),
        "shape_of_nothing": model(graph([fields(1, ["", "w"]) + node("Reshape", "", "y")], weights=[ints("w", 1)])),
        "weight_of_no_entries": one("Add", "x w", weights=[tensor("w", [0, 3], [])]),
        "gather_nine": one("Gather", "w a", weights=[tensor("w", [1] * 5, [1]), tensor("a", [1] * 5, [0], INT64)]),
        "gemm_bias_of_three_dimensions": one("Gemm", "x w b", weights=[W, tensor("b", [1, 1, 1], [1])]),
        "constant_without_tensor": model(graph([node("Constant", "", "c", value=1), node("Add", "x c", "y")])),
        "cast_to_nothing": one("Cast", to=77),
        "too_much_memory": model(graph([node("Expand", "w a", "v"), node("Expand", "w a", "u"), node("Add", "u v", "y")], weights=[tensor("w", [1], [1]), ints("a", 1 << 24)])),
        "axis_out_of_range": one("Softmax", axis=2),
        "axis_twice": one("Squeeze", "x a", x=(1, 2), y=(2,), weights=[ints("a", 0, -2)]),
        "axis_not_one": one("Squeeze", "x a", weights=[ints("a", 0)]),
        "axes_missing": one("Unsqueeze"),
        "axes_computed": model(graph([node("ReduceSum", "x x", "y")])),
        "ten_dimensions": one("Unsqueeze", "x a", weights=[ints("a", *range(2, 10))]),
        "flatten_axis": one("Flatten", axis=3),
        "perm_too_short": one("Transpose", perm=[0]),
        "perm_twice": one("Transpose", perm=[0, 0]),
        "shape_two_unknown": one("Reshape", "x a", weights=[ints("a", -1, -1)]),
        "shape_does_not_fit": one("Reshape", "x a", weights=[ints("a", 4, -1)]),
        "shape_of_nine": one("Reshape", "x a", weights=[ints("a", *[1] * 9)]),
        "shape_missing": model(graph([node("ConstantOfShape", "", "c"), node("Add", "x c", "y")])),
        "shape_negative": model(graph([node("ConstantOfShape", "a", "c"), node("Add", "x c", "y")], weights=[ints("a", -2)])),
        "shape_too_large": one("Expand", "x a", weights=[ints("a", 1 << 22, 2, 3)]),
        "expand_nine": one("Expand", "x a", weights=[ints("a", *[1] * 9)]),
        "concat_without_axis": one("Concat", "x x"),
        "concat_ranks": one("Concat", "x w", weights=[tensor("w", [2], [1, 2])], axis=0),
        "concat_shapes": one("Concat", "x w", weights=[W], axis=0),
        "slice_lists": one("Slice", "x a b", weights=[ints("a", 0, 0), ints("b", 1)]),
        "slice_step_zero": one("Slice", "x a b c s", weights=[ints("a", 0), ints("b", 1), ints("c", 0), ints("s", 0)]),
        "slice_of_nothing": one("Slice", "x a a", weights=[ints("a", 1)]),
        "split_sizes": one("Split", "x a", "y z", weights=[ints("a", 1)]),
        "split_sum": one("Split", "x a", "y z", weights=[ints("a", 1, 2)]),
        "split_uneven": one("Split", "x", "y z", x=(3,), y=(1,)),
        "gather_out_of_range": one("Gather", "x a", weights=[ints("a", 2)]),
        "gather_computed": one("Gather", "x x"),
        "dropout_in_training": one("Dropout", "x r t", weights=[tensor("r", [], [0.5]), tensor("t", [], [1], BOOL)]),
        "dropout_mode_computed": model(graph([node("Dropout", "x w x", "y")], weights=[tensor("w", [], [0.5])])),
        "constant_of_nothing": model(graph([node("Constant", "", "c"), node("Add", "x c", "y")])),
        "constant_of_text": model(graph([node("Constant", "", "c", value_string="a"), node("Add", "x c", "y")])),
        "constant_of_shape_two_values": model(graph([node("ConstantOfShape", "a", "c", value=tensor("v", [2], [1, 2])), node("Add", "x c", "y")], weights=[ints("a", 2)])),
        "cast_rounds": model(graph([node("Cast", "a", "c", to=FLOAT), node("Add", "x c", "y")], weights=[ints("a", (1 << 24) + 1)])),
        "cast_to_text": one("Cast", to=STRING),
        "cast_to_integers": one("Cast", to=INT64),
        "where_condition_computed": one("Where", "x x x"),
        "trilu_k_computed": one("Trilu", "x x"), "trilu_one_axis": model(graph([node("Trilu", "w", "t"), node("Add", "x t", "y")], weights=[tensor("w", [2], [1, 2])])),
        "range_too_far": model(graph([node("Range", "a b c", "r"), node("Reshape", "x r", "y")], weights=[tensor("a", [], [0], INT64), tensor("b", [], [1 << 40], INT64), tensor("c", [], [1], INT64)])),
        "range_too_long": model(graph([node("Range", "a b c", "r"), node("Reshape", "x r", "y")], weights=[tensor("a", [], [0], INT64), tensor("b", [], [1 << 30], INT64), tensor("c", [], [1], INT64)])),
        "range_step_zero": model(graph([node("Range", "a b a", "r"), node("Reshape", "x r", "y")], weights=[tensor("a", [], [0], INT64), tensor("b", [], [2], INT64)])),
        "gemm_of_three_dimensions": one("Gemm", "x w", weights=[tensor("w", [1, 3, 1], [1, 2, 3])]),
        "gemm_sizes": one("Gemm", "x w", weights=[tensor("w", [2, 2], [1, 2, 3, 4])]),
        "gemm_bias": one("Gemm", "x w b", weights=[W, tensor("b", [3], [1, 2, 3])]),
        "matmul_sizes": one("MatMul", "x w", weights=[tensor("w", [2, 2], [1, 2, 3, 4])]),
        "matmul_of_a_number": one("MatMul", "x w", weights=[tensor("w", [], [1])]),
        "layernorm_second_output": model(graph([node("LayerNormalization", "x w", "a m"), node("Add", "a m", "y")], weights=[tensor("w", [2], [1, 2])])),
        "layernorm_scale": one("LayerNormalization", "x w", weights=[tensor("w", [2, 2, 3], range(12))]),
        "layernorm_half_inside": one("LayerNormalization", "x w", weights=[tensor("w", [3], [1, 2, 3])], stash_type=10),
        "epsilon_negative": one("LayerNormalization", "x w", weights=[tensor("w", [3], [1, 2, 3])], epsilon=-1.0),
        "batchnorm_in_training": one("BatchNormalization", "x w w w w", weights=[tensor("w", [3], [1, 2, 3])], training_mode=1),
        "batchnorm_outputs": one("BatchNormalization", "x w w w w", "y m v", weights=[tensor("w", [3], [1, 2, 3])], opset=9),
        "batchnorm_channels": one("BatchNormalization", "x w w w w", weights=[tensor("w", [2], [1, 2])]),
    }


def windows():
    pool = dict(x=IMAGE, y=IMAGE)
    return {
        "strides_too_few": one("Conv", "x w", weights=[KERNEL], strides=[1], **pool),
        "strides_zero": one("Conv", "x w", weights=[KERNEL], strides=[0, 1], **pool),
        "pads_too_few": one("Conv", "x w", weights=[KERNEL], pads=[1, 1], **pool),
        "pads_negative": one("Conv", "x w", weights=[KERNEL], pads=[0, 0, -1, 0], **pool),
        "window_too_large": one("Conv", "x w", weights=[KERNEL], dilations=[4, 4], **pool),
        "auto_pad_unknown": one("Conv", "x w", weights=[KERNEL], auto_pad="SAME", **pool),
        "conv_of_volumes": one("Conv", "x w", x=(1, 1, 2, 2, 2), weights=[tensor("w", [1, 1, 1, 1, 1], [1])]),
        "conv_bias": one("Conv", "x w b", weights=[KERNEL, tensor("b", [2], [1, 2])], **pool),
        "conv_groups": one("Conv", "x w", weights=[KERNEL], group=2, **pool),
        "conv_kernel_shape": one("Conv", "x w", weights=[KERNEL], kernel_shape=[3, 3], **pool),
        "pool_without_kernel_shape": one("MaxPool", **pool),
        "pool_indices_read": model(graph([node("MaxPool", "x", "a i", kernel_shape=[2, 2]), node("Add", "a i", "y")], x=IMAGE)),
        "maxpool_of_padding": one("MaxPool", kernel_shape=[1, 1], pads=[1, 1, 1, 1], **pool),
        "averagepool_of_padding": one("AveragePool", kernel_shape=[1, 1], pads=[1, 1, 1, 1], **pool),
        "averagepool_ceil": one("AveragePool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1, **pool),
        "global_pool_of_a_vector": one("GlobalAveragePool"),
    }


def main():
    folder = os.path.join(HERE, "onnx")
    os.makedirs(folder, exist_ok=True)
    for part in container, tensors, graphs, nodes, windows:
        for name, data in part().items():
            with open(os.path.join(folder, name + ".onnx"), "wb") as f:
                f.write(data)


if __name__ == "__main__":
    main()
