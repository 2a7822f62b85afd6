"""Write the bad model files of this folder, each named by its one defect.

    python3 tests/bad/make_bad.py

Standard library only; the same bytes every time. expected.tsv says what reading each of them must answer.
"""
import io
import json
import os
import struct
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))


def write(path, data):
    path = os.path.join(HERE, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


# ---- safetensors ----

CONFIG = {"d_vocab": 3, "d_vocab_out": 3, "n_ctx": 2, "d_model": 2, "n_heads": 1, "d_head": 2, "n_layers": 1, "attn_only": True,
          "attention_dir": "causal", "normalization_type": None}
SHAPES = {"embed.W_E": [3, 2], "pos_embed.W_pos": [2, 2], "unembed.W_U": [2, 3], "blocks.0.attn.W_Q": [1, 2, 2],
          "blocks.0.attn.W_K": [1, 2, 2], "blocks.0.attn.W_V": [1, 2, 2], "blocks.0.attn.W_O": [1, 2, 2]}
SIZE = {"F32": 4, "F64": 8, "BOOL": 1, "I64": 8, "F16": 2, "F8_E4M3": 1}


def raw(header, data):
    header = header if isinstance(header, bytes) else header.encode()
    return struct.pack("<Q", len(header)) + header + data


def product(shape):
    n = 1
    for k in shape:
        n *= k
    return n


def numbers(n):
    return struct.pack("<%df" % n, *[(i % 7 - 3) / 4 for i in range(n)])


def safetensors(shapes=SHAPES, config=CONFIG, text=None):
    header, data = {}, b""
    if config is not None or text is not None:
        header["__metadata__"] = {"config": json.dumps(config) if text is None else text}
    for name, shape in shapes.items():
        chunk = numbers(product(shape))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(chunk)]}
        data += chunk
    return raw(json.dumps(header), data)


def one(entry, data=b"\0" * 8, name='"a"'):
    return raw("{%s:%s}" % (name, entry), data)


def tensor(dtype='"F32"', shape="[2]", offsets="[0,8]", more=""):
    return '{"dtype":%s,"shape":%s,"data_offsets":%s%s}' % (dtype, shape, offsets, more)


def make_safetensors():
    good = safetensors()
    files = {
        "no_length": b"12345",
        "header_longer_than_file": struct.pack("<Q", 100) + b'{"a":',
        "header_beyond_limit": struct.pack("<Q", 100000001) + b"{" + b" " * 50,
        "truncated_in_header": good[:200],
        "truncated_in_data": good[:-1],
        "bytes_after_data": good + b"\0",
        "header_without_end": raw('{"a":' + tensor(), b"\0" * 8),
        "header_bytes_after_end": raw('{"a":' + tensor() + "}x", b"\0" * 8),
        "header_not_utf8": raw(b'{"\xc3(":' + tensor().encode() + b"}", b"\0" * 8),
        "header_control_byte": raw(b'{"a\x01":' + tensor().encode() + b"}", b"\0" * 8),
        "header_zero_byte": raw('{"a\\u0000":' + tensor() + "}", b"\0" * 8),
        "header_half_surrogate": raw('{"\\ud800":' + tensor() + "}", b"\0" * 8),
        "header_nested_deep": raw('{"a":' + "[" * 100 + "]" * 100 + "}", b""),
        "header_not_object": raw("[]", b""),
        "header_without_tensors": raw("{}", b""),
        "duplicate_tensor": raw('{"a":%s,"a":%s}' % (tensor(), tensor(offsets="[8,16]")), b"\0" * 16),
        "duplicate_tensor_escaped": raw('{"a":%s,"\\u0061":%s}' % (tensor(), tensor(offsets="[8,16]")), b"\0" * 16),
        "duplicate_field": one('{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}'),
        "duplicate_metadata_key": raw('{"__metadata__":{"x":"1","x":"2"},"a":%s}' % tensor(), b"\0" * 8),
        "metadata_not_object": raw('{"__metadata__":["x"],"a":%s}' % tensor(), b"\0" * 8),
        "metadata_not_string": raw('{"__metadata__":{"x":1},"a":%s}' % tensor(), b"\0" * 8),
        "entry_not_object": one('["F32",[2],[0,8]]'),
        "field_missing": one('{"dtype":"F32","shape":[2]}'),
        "field_unknown": one(tensor(more=',"strides":[1]')),
        "dtype_not_string": one(tensor(dtype="4")),
        "dtype_unknown": one(tensor(dtype='"float32"')),
        "dtype_not_read_yet": one(tensor(dtype='"F8_E4M3"', shape="[8]")),
        "shape_not_array": one(tensor(shape="2")),
        "shape_negative": one(tensor(shape="[-2]")),
        "shape_fraction": one(tensor(shape="[2.0]")),
        "shape_huge_integer": one(tensor(shape="[18446744073709551617]")),
        "shape_string": one(tensor(shape='["2"]')),
        "shape_rank_nine": one(tensor(shape="[1,1,1,1,1,1,1,1,2]")),
        "shape_overflow": one(tensor(shape="[4294967296,4294967296,4294967296]")),
        "offsets_three": one(tensor(offsets="[0,4,8]")),
        "offsets_backwards": one(tensor(offsets="[8,0]")),
        "offsets_beyond_file": one(tensor(shape="[4]", offsets="[0,16]")),
        "size_mismatch": one(tensor(shape="[3]")),
        "hole": raw('{"a":%s,"b":%s}' % (tensor(), tensor(offsets="[12,20]")), b"\0" * 20),
        "overlap": raw('{"a":%s,"b":%s}' % (tensor(), tensor(offsets="[4,12]")), b"\0" * 12),
        "two_names_one_range": raw('{"a":%s,"b":%s}' % (tensor(), tensor()), b"\0" * 8),
        "weight_nan": one(tensor(shape="[1,2]"), struct.pack("<ff", 1, float("nan"))),
        "weight_infinity": one(tensor(), struct.pack("<ff", float("inf"), 1)),
        "weight_minus_infinity": one(tensor(dtype='"F16"', shape="[4]"), b"\0\0\0\0\0\xfc\0\0"),
        "bool_two": one(tensor(dtype='"BOOL"', shape="[8]"), b"\0\1\2\0\0\0\0\0"),
        "integer_beyond_binary64": one(tensor(dtype='"I64"', shape="[1]"), struct.pack("<q", 2**53 + 1)),
    }
    for name, data in files.items():
        write("safetensors/%s.safetensors" % name, data)


# ---- what the tensors of a transformer and its configuration must be ----

def changed(base, drop=(), **change):
    new = {k: v for k, v in base.items() if k not in drop}
    new.update({k.replace("__", "."): v for k, v in change.items()})
    return new


def make_layouts():
    """Modules with other names."""
    S = {"tok_emb.weight": [5, 4], "pos_emb.weight": [3, 4], "head.weight": [6, 4]}
    S.update({"layers.0.attn.%s_proj.weight" % x: [4, 4] for x in "qkvo"})
    mlp = {"layers.0.mlp.fc1.weight": [8, 4], "layers.0.mlp.fc2.weight": [4, 8]}
    C = {"n_heads": 2, "normalization_type": None}

    def more(base, drop=(), **new):
        return dict([(k, v) for k, v in base.items() if k not in drop] + [(k.replace("__", "."), v) for k, v in new.items()])

    M = dict(S, **mlp)
    D = dict(C, act_fn="relu")
    files = {
        "all_square": (S, C),
        "heads_not_told": (M, {"normalization_type": None, "act_fn": "relu"}),
        "heads_do_not_divide": (M, dict(D, n_heads=3)),
        "both_ways_round": (more(M, layers__0__mlp__fc1__weight=[4, 8]), D),
        "layout_contradicts": (M, dict(D, weight_layout="in_out")),
        "layout_unknown": (M, dict(D, weight_layout="sideways")),
        "no_side_of_d_model": (more(M, layers__0__mlp__fc1__weight=[8, 5]), D),
        "no_keys": (more(M, ["layers.0.attn.k_proj.weight"]), D),
        "no_output": (more(M, ["layers.0.attn.o_proj.weight"]), D),
        "no_queries": (more(M, **{"layers.1.ln1.weight": [4]}), D),
        "no_embedding": (more(M, ["tok_emb.weight"]), D),
        "two_for_one": (more(M, layers__0__attn__q_lin__weight=[4, 4]), D),
        "layer_number_huge": (more(M, layers__99999__attn__q_proj__weight=[4, 4]), D),
        "keys_do_not_divide": (more(M, layers__0__attn__k_proj__weight=[3, 4]), D),
        "output_does_not_divide": (more(M, layers__0__attn__o_proj__weight=[4, 3]), D),
        "bias_of_another_size": (more(M, layers__0__attn__q_proj__bias=[3]), D),
        "head_of_another_size": (more(M, head__weight=[6, 5]), D),
        "head_square": (more(M, head__weight=[4, 4]), D),
        "head_layout_contradicts": (M, dict(D, head_layout="in_out")),
        "head_layout_unknown": (M, dict(D, head_layout="sideways")),
        "head_missing": (more(M, ["head.weight"]), dict(D, tie_word_embeddings=False)),
        "positions_of_rank_4": (more(M, pos_emb__weight=[1, 1, 3, 4]), D),
        "positions_not_told": (more(M, ["pos_emb.weight"]), dict(D, n_ctx=3)),
        "norm_of_rank_2": (more(M, ln_f__weight=[4, 1]), dict(D, d_model=4)),
        "norm_first_not_told": (more(M, **{"layers.0.%s.%s" % (n, x): [4] for n in ("norm1", "norm2") for x in ("weight", "bias")}), more(D, ["normalization_type"])),
        "norm_kind_not_told_here": (more(M, **{"layers.0.%s.weight" % n: [4] for n in ("ln1", "ln2")}), more(D, ["normalization_type"])),
        "eps_not_told": (more(M, **{"layers.0.%s.weight" % n: [4] for n in ("ln1", "ln2")}), dict(D, normalization_type="RMS")),
        "mask_not_told": ({"tok_emb.weight": [5, 4], "pos_emb.weight": [3, 4], "head.weight": [6, 4], "layers.0.self_attn.in_proj_weight": [12, 4],
                           "layers.0.self_attn.out_proj.weight": [4, 4]}, C),
        "cross_attention": (more(M, **{"layers.0.multihead_attn.in_proj_weight": [12, 4]}), D),
        "packed_does_not_divide": ({"wte.weight": [5, 4], "wpe.weight": [3, 4], "h.0.attn.c_attn.weight": [4, 13], "h.0.attn.c_proj.weight": [4, 4]}, C),
        "packed_order_unknown": ({"wte.weight": [5, 4], "wpe.weight": [3, 4], "h.0.attn.c_attn.weight": [4, 12], "h.0.attn.c_proj.weight": [4, 4]},
                                 dict(C, qkv_order="random")),
        "packed_groups_by_head": ({"wte.weight": [5, 4], "wpe.weight": [3, 4], "h.0.attn.c_attn.weight": [4, 8], "h.0.attn.c_proj.weight": [4, 4]},
                                  dict(C, qkv_order="by_head", n_key_value_heads=1)),
        "out_scale_not_told": ({"wte.weight": [5, 4], "h.0.attn.qkv.weight": [12, 4], "h.0.attn.o.weight": [4, 4], "h.0.mlp.w.weight": [12, 4], "h.0.mlp.p.weight": [4, 6]},
                               dict(C, act_fn="none", n_ctx=3, positional_embedding_type="rotary")),
        "halves_odd": (more(S, **{"layers.0.mlp.gate_up_proj.weight": [7, 4], "layers.0.mlp.down_proj.weight": [4, 3]}), dict(D, act_fn="silu")),
        "gate_twice": (more(M, **{"layers.0.mlp.gate_up_proj.weight": [16, 4]}), dict(D, act_fn="silu")),
        "no_place": (more(M, layers__0__attn__extra__weight=[4, 4]), D),
        "shape_as_read": (more(M, layers__0__mlp__fc2__weight=[4, 7]), D),
    }
    for name, (shapes, config) in files.items():
        write("transformer/other_names/%s.safetensors" % name, safetensors(shapes, config))


def make_transformer():
    norms = {"blocks.0.ln1.w": [2], "blocks.0.ln1.b": [2], "ln_final.w": [2], "ln_final.b": [2]}
    mlp = {"blocks.0.mlp.W_in": [2, 4], "blocks.0.mlp.W_out": [4, 2]}
    C, S = CONFIG, SHAPES
    files = {
        "missing_unembed": (changed(S, ["unembed.W_U"]), C),
        "missing_W_K": (changed(S, ["blocks.0.attn.W_K"]), C),
        "missing_blocks": ({k: v for k, v in S.items() if "blocks" not in k}, C),
        "missing_block_0": ({k.replace("blocks.0", "blocks.1"): v for k, v in S.items()}, C),
        "block_number_huge": (changed(S, blocks__99999__attn__W_Q=[1, 2, 2]), C),
        "wrong_shape_W_O": (changed(S, blocks__0__attn__W_O=[1, 2, 3]), C),
        "transposed_W_Q": (changed(S, **{"blocks__0__attn__W_%s" % x: [1, 2, 4] for x in "KV"}, blocks__0__attn__W_Q=[1, 4, 2], blocks__0__attn__W_O=[1, 4, 2]),
                           changed(C, d_head=4)),
        "transposed_W_V": (changed(S, **{"blocks__0__attn__W_%s" % x: [1, 2, 4] for x in "QK"}, blocks__0__attn__W_V=[1, 4, 2], blocks__0__attn__W_O=[1, 4, 2]),
                           changed(C, ["d_head"])),
        "transposed_W_in": (changed(S, blocks__0__mlp__W_in=[4, 2], blocks__0__mlp__W_out=[4, 2]), changed(C, attn_only=False, act_fn="relu")),
        "wrong_shape_b_Q": (changed(S, blocks__0__attn__b_Q=[2]), C),
        "wrong_rank_W_E": (changed(S, embed__W_E=[6]), C),
        "empty_W_E": (changed(S, embed__W_E=[0, 2]), C),
        "transposed_layout": (changed(S, embed__W_E=[2, 3]), C),
        "unknown_tensor": (changed(S, blocks__0__attn__extra=[2]), C),
        "ignored_by_the_file": (changed(S, blocks__0__attn__extra=[2]), changed(C, ignore="blocks.0.attn.extra")),
        "gated_mlp": (changed(S, blocks__0__mlp__W_gate=[2, 4], **{k.replace(".", "__"): v for k, v in mlp.items()}),
                      changed(C, attn_only=False, act_fn="relu", gated_mlp=False)),
        "gated_mlp_missing": (changed(S, **{k.replace(".", "__"): v for k, v in mlp.items()}), changed(C, attn_only=False, act_fn="relu", gated_mlp=True)),
        "d_model_contradicts": (S, changed(C, d_model=4)),
        "d_vocab_contradicts": (S, changed(C, d_vocab=4)),
        "d_vocab_out_contradicts": (S, changed(C, d_vocab_out=2)),
        "n_ctx_contradicts": (S, changed(C, n_ctx=1)),
        "n_ctx_zero": (S, changed(C, n_ctx=0)),
        "n_ctx_unknown": (changed(S, ["pos_embed.W_pos"]), changed(C, ["n_ctx"])),
        "n_heads_contradicts": (S, changed(C, n_heads=2)),
        "n_heads_list_too_long": (S, changed(C, n_heads=[1, 1])),
        "d_head_contradicts": (S, changed(C, d_head=1)),
        "n_layers_contradicts": (S, changed(C, n_layers=2)),
        "attn_only_contradicts": (changed(S, **{k.replace(".", "__"): v for k, v in mlp.items()}), C),
        "mlp_missing": (S, changed(C, attn_only=False)),
        "norm_contradicts": (changed(S, **{k.replace(".", "__"): v for k, v in norms.items()}), C),
        "norm_missing": (S, changed(C, normalization_type="LN")),
        "norm_rms_missing": (S, changed(C, normalization_type="RMS")),
        "norm_kind_not_told": (changed(S, blocks__0__ln1__w=[2], ln_final__w=[2]), changed(C, ["normalization_type"])),
        "normalization_not_told": (S, changed(C, ["normalization_type"])),
        "norm_unknown": (S, changed(C, normalization_type="batch")),
        "eps_negative": (changed(S, **{k.replace(".", "__"): v for k, v in norms.items()}), changed(C, normalization_type="LN", eps=-1)),
        "positions_missing": (changed(S, ["pos_embed.W_pos"]), changed(C, positional_embedding_type="standard")),
        "positions_too_many": (S, changed(C, positional_embedding_type="none")),
        "positions_rotary": (S, changed(C, positional_embedding_type="rotary")),
        "positions_alibi": (S, changed(C, positional_embedding_type="alibi")),
        "positions_unknown": (S, changed(C, positional_embedding_type="spiral")),
        "rotary_dim_odd": (changed(S, ["pos_embed.W_pos"]), changed(C, positional_embedding_type="rotary", rotary_dim=1)),
        "rotary_base_zero": (changed(S, ["pos_embed.W_pos"]), changed(C, positional_embedding_type="rotary", rotary_base=0)),
        "rotary_kind": (changed(S, ["pos_embed.W_pos"]), changed(C, positional_embedding_type="rotary", rope_parameters={"rope_type": "yarn", "rope_theta": 10000.0})),
        "rotary_cos_missing": (changed(S, ["pos_embed.W_pos"], blocks__0__attn__rotary_sin=[2, 2]), C),
        "pad_token_out_of_range": (S, changed(C, pad_token=3)),
        "pad_token_not_told": (S, changed(C, use_padding=True)),
        "n_key_value_heads_contradicts": (S, changed(C, n_key_value_heads=2)),
        "groups_do_not_divide": (changed(S, ["blocks.0.attn.W_K", "blocks.0.attn.W_V"], blocks__0__attn___W_K=[2, 2, 2], blocks__0__attn___W_V=[2, 2, 2]), C),
        "input_type_unknown": (S, changed(C, input_type="words")),
        "direction_unknown": (S, changed(C, attention_dir="backwards")),
        "activation_missing": (changed(S, **{k.replace(".", "__"): v for k, v in mlp.items()}), changed(C, attn_only=False)),
        "activation_unknown": (changed(S, **{k.replace(".", "__"): v for k, v in mlp.items()}), changed(C, attn_only=False, act_fn="rleu")),
        "activation_not_read_yet": (changed(S, **{k.replace(".", "__"): v for k, v in mlp.items()}), changed(C, attn_only=False, act_fn="gelu_fast")),
        "attn_scale_zero": (S, changed(C, attn_scale=0)),
        "rotary_share": (changed(S, ["pos_embed.W_pos"]), changed(C, positional_embedding_type="rotary", model_type="llama", partial_rotary_factor=0.5)),
        "rotary_share_inside": (changed(S, ["pos_embed.W_pos"]), changed(C, positional_embedding_type="rotary", model_type="llama", rope_parameters={"partial_rotary_factor": 0.5})),
        "local_attention": (S, changed(C, use_local_attn=True)),
        "d_model_a_word": (S, changed(C, d_model="two")),
        "d_model_a_fraction": (S, changed(C, d_model=2.5)),
        "attn_only_a_number": (S, changed(C, attn_only=1)),
        "attention_dir_a_number": (S, changed(C, attention_dir=1)),
        "eps_a_word": (S, changed(C, eps="small")),
        "eps_by_two_names": (S, changed(C, eps=0.25, layer_norm_eps=0.5)),
        "logits_scaled": (S, changed(C, logit_scale=0.5)),
        "window": (S, changed(C, window_size=1)),
        "queries_clipped": (S, changed(C, clip_qkv=0.5)),
        "rotary_by_parts": (S, changed(C, use_NTK_by_parts_rope=True)),
        "model_type_of_a_library": (S, changed(C, model_type="gemma", architectures=["GemmaForCausalLM"])),
        "several_not_told": (changed(S, ["pos_embed.W_pos"], **{k.replace(".", "__"): v for k, v in mlp.items()}), None),
        "no_configuration": (S, None),
        "another_family": ({"theta": [2, 2], "phi": [2]}, None),
    }
    for name, (shapes, config) in files.items():
        write("transformer/%s.safetensors" % name, safetensors(shapes, config))
    for name, path in (("nothing", "config.json"), ("parts", "model.safetensors.index.json")):
        write("transformer/folder_of_%s/%s" % (name, path), "{}\n")
    make_layouts()
    texts = {"config_not_json": "{d_model: 2}", "config_not_object": "[]", "config_duplicate_key": '{"d_model": 2, "d_model": 3}',
             "config_number_malformed": '{"d_model": 02}', "config_number_long": '{"eps": 0.%s1}' % ("0" * 70)}
    for name, text in texts.items():
        write("transformer/%s.safetensors" % name, safetensors(text=text))
    write("transformer/sidecar_differs.safetensors", safetensors())
    write("transformer/sidecar_differs.config.json", json.dumps(changed(CONFIG, n_ctx=1)) + "\n")
    write("transformer/sidecar_not_json.safetensors", safetensors(config=None))
    write("transformer/sidecar_not_json.config.json", '{\n "d_model": 2,\n "n_ctx" 2\n}\n')


# ---- PyTorch ----

def member(z, name, data, method=zipfile.ZIP_STORED):
    info = zipfile.ZipInfo(name)
    info.compress_type = method
    z.writestr(info, data)


def archive(members, method=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name, data in members:
            member(z, name, data, method)
    return out.getvalue()


def text(s):
    return b"X" + struct.pack("<I", len(s)) + s.encode()


def glob(name):
    module, _, name = name.rpartition(".")
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def integer(n):
    return b"J" + struct.pack("<i", n)


def tuple_of(*items):
    return b"(" + b"".join(items) + b"t"


def storage(key="0", kind="torch.FloatStorage", numel=2, location="cpu"):
    return tuple_of(text("storage"), glob(kind), text(key), text(location), integer(numel)) + b"Q"


def rebuild(store=None, offset=0, size=(2,), stride=(1,), more=b"", call="torch._utils._rebuild_tensor_v2"):
    return (glob(call) + tuple_of(store or storage(), integer(offset), tuple_of(*map(integer, size)), tuple_of(*map(integer, stride)), b"\x89",
                                  glob("collections.OrderedDict") + b")R", more) + b"R")


def state(*pairs):
    return b"\x80\x02" + b"}" + b"(" + b"".join(text(k) + v for k, v in pairs) + b"u."


def torch_file(pickle, members=(("data/0", struct.pack("<ff", 1, 2)),), prefix="m", **kw):
    return archive([(prefix + "/data.pkl", pickle)] + [(prefix + "/" + k, v) for k, v in members] + [(prefix + "/version", b"3\n")], **kw)


def typed(dtype, kind="torch.storage.UntypedStorage", numel=8):
    return (glob("torch._utils._rebuild_tensor_v3") + tuple_of(storage(kind=kind, numel=numel), integer(0), tuple_of(integer(2)), tuple_of(integer(1)), b"\x89",
                                                               glob("collections.OrderedDict") + b")R", glob("torch." + dtype) if dtype else b"K\1") + b"R")


def from_type(cls="torch.Tensor", call="torch._utils._rebuild_tensor_v2"):
    return glob("torch._tensor._rebuild_from_type_v2") + tuple_of(glob(call), glob(cls), b")", b"}") + b"R"


def module_state(parameters=b"", modules=b""):
    return b"}(" + text("_parameters") + b"}" + parameters + text("_buffers") + b"}" + text("_modules") + b"}" + modules + b"u"


def module(parameters=b"", modules=b""):
    return b"\x80\x02" + glob("mine.Net") + b")\x81" + module_state(parameters, modules) + b"b."


def make_torch():
    good = state(("a", rebuild()))
    call = b"\x80\x02" + glob("os.system") + tuple_of(text("echo pwned")) + b"R."
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w") as z:
        member(z, "m/data.pkl", good)
        member(z, "m/data/0", b"\0" * (4 << 20), zipfile.ZIP_DEFLATED)
    with_two = io.BytesIO()
    with zipfile.ZipFile(with_two, "w") as z:
        member(z, "m/data.pkl", good)
        member(z, "m/data/0", b"\0" * 8)
        member(z, "m/data/1", b"\1" * 8)
    whole = torch_file(good)
    crc = whole.replace(struct.pack("<ff", 1, 2), struct.pack("<ff", 1, 3))
    encrypted = bytearray(archive([("m/data.pkl", good)]))
    encrypted[6] |= 1
    encrypted[encrypted.index(b"PK\1\2") + 8] |= 1
    lzma = archive([("m/data.pkl", good), ("m/data/0", b"\0" * 8)], method=zipfile.ZIP_LZMA)
    files = {
        "calls_a_function": torch_file(call),
        "makes_an_object": torch_file(b"\x80\x02" + glob("collections.OrderedDict") + b")\x81."),
        "names_a_class": torch_file(b"\x80\x02" + glob("torch.nn.modules.linear.Linear") + b")\x81."),
        "stack_global_eval": torch_file(b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R."),
        "calls_a_storage": torch_file(b"\x80\x02" + glob("torch.FloatStorage") + b")R."),
        "calls_a_number": torch_file(b"\x80\x02K\1)R."),
        "ordered_dict_with_arguments": torch_file(b"\x80\x02" + glob("collections.OrderedDict") + b"K\1\x85R."),
        "builds_a_number": torch_file(b"\x80\x02K\1}b."),
        "unknown_instruction": torch_file(b"\x80\x02i"),
        "protocol_nine": torch_file(b"\x80\x09}."),
        "pickle_truncated": torch_file(good[:-20]),
        "pickle_without_end": torch_file(b"\x80\x02}"),
        "pickle_text_beyond_end": torch_file(b"\x80\x02X\xff\xff\xff\x7fa."),
        "pickle_bytes_after_end": torch_file(good + b"x"),
        "pickle_values_left": torch_file(b"\x80\x02}}."),
        "pickle_frame_beyond_end": torch_file(b"\x80\x04\x95\xff\xff\xff\xff\0\0\0\0}."),
        "stack_empty": torch_file(b"\x80\x02\x85."),
        "mark_missing": torch_file(b"\x80\x02K\1t."),
        "items_to_a_number": torch_file(b"\x80\x02K\1K\2K\3s."),
        "key_without_value": torch_file(b"\x80\x02}(K\1u."),
        "memo_empty": torch_file(b"\x80\x02h\5."),
        "memo_out_of_range": torch_file(b"\x80\x02}r\xff\xff\xff\x7f."),
        "global_name_a_number": torch_file(b"\x80\x04K\1K\2\x93."),
        "persistent_id_other": torch_file(b"\x80\x02" + tuple_of(text("module")) + b"Q."),
        "storage_type_other": torch_file(state(("a", rebuild(storage(kind="torch.Size"))))),
        "complex": torch_file(state(("a", rebuild(storage(kind="torch.ComplexFloatStorage"))))),
        "two_configurations": torch_file(state(("a", rebuild()), ("config", b"}X\x05\0\0\0d_eggX\x01\0\0\x001s"), ("cfg", b"}X\x05\0\0\0d_eggX\x01\0\0\x001s"))),
        "configuration_in_itself": torch_file(state(("a", rebuild()), ("config", b"}q\x07X\x01\0\0\0xh\x07s"))),
        "storage_key_a_path": torch_file(state(("a", rebuild(storage(key="../0"))))),
        "storage_size_negative": torch_file(state(("a", rebuild(storage(numel=-1))))),
        "storage_missing": torch_file(state(("a", rebuild(storage(key="7"))))),
        "storage_of_another_size": torch_file(state(("a", rebuild(storage(numel=3))))),
        "tensor_beyond_storage": torch_file(state(("a", rebuild(size=(3,))))),
        "tensor_beyond_storage_by_offset": torch_file(state(("a", rebuild(offset=1)))),
        "tensor_stride_negative": torch_file(state(("a", rebuild(stride=(-1,))))),
        "tensor_stride_missing": torch_file(state(("a", rebuild(size=(1, 2))))),
        "tensor_with_too_few_arguments": torch_file(state(("a", glob("torch._utils._rebuild_tensor_v2") + tuple_of(storage()) + b"R"))),
        "tensor_negated": torch_file(state(("a", rebuild(more=b"}" + text("neg") + b"\x88s")))),
        "tensor_expanded_without_end": torch_file(state(("a", rebuild(size=(1 << 30,), stride=(0,))))),
        "parameter_of_nothing": torch_file(state(("a", glob("torch._utils._rebuild_parameter") + tuple_of(b"N", b"\x88", b"N") + b"R"))),
        "sparse": torch_file(state(("a", glob("torch._utils._rebuild_sparse_tensor") + b")R"))),
        "quantized": torch_file(state(("a", glob("torch._utils._rebuild_qtensor") + b")R"))),
        "quantized_storage": torch_file(state(("a", rebuild(storage(kind="torch.QInt8Storage"))))),
        "nested_tensor": torch_file(state(("a", glob("torch._utils._rebuild_nested_tensor") + b")R"))),
        "meta": torch_file(state(("a", glob("torch._utils._rebuild_meta_tensor_no_storage") + b")R"))),
        "meta_storage": torch_file(state(("a", rebuild(storage(location="meta"))))),
        "another_device": torch_file(state(("a", glob("torch._utils._rebuild_device_tensor_from_numpy") + b")R"))),
        "wrapper_subclass": torch_file(state(("a", glob("torch._utils._rebuild_wrapper_subclass") + b")R"))),
        "typed_float8": torch_file(state(("a", typed("float8_e4m3fn")))),
        "typed_by_a_number": torch_file(state(("a", typed(None)))),
        "typed_in_part": torch_file(state(("a", typed("uint16", numel=7))), (("data/0", b"\0" * 7),)),
        "typed_of_typed_storage": torch_file(state(("a", typed("uint16", kind="torch.FloatStorage")))),
        "untyped_storage": torch_file(state(("a", rebuild(storage(kind="torch.storage.UntypedStorage", numel=8))))),
        "tensor_of_a_subclass": torch_file(state(("a", from_type(cls="mine.Odd")))),
        "from_type_within_itself": torch_file(state(("a", from_type(call="torch._tensor._rebuild_from_type_v2")))),
        "from_type_of_a_number": torch_file(state(("a", glob("torch._tensor._rebuild_from_type_v2") + b"K\1\x85R"))),
        "reconstructs_a_number": torch_file(b"\x80\x02" + glob("copy_reg._reconstructor") + b"K\1\x85R."),
        "two_models": torch_file(state(("G", b"}" + text("a") + rebuild() + b"s"), ("D", b"}" + text("a") + rebuild() + b"s"))),
        "object_without_tensors": torch_file(b"\x80\x02" + glob("mine.Net") + b")\x81}" + text("x") + b"K\1sb."),
        "module_without_tensors": torch_file(module()),
        "module_with_a_function_inside": torch_file(module(parameters=text("w") + rebuild() + b"s", modules=text("part") + glob("mine.Net") + b")\x81s")),
        "module_in_itself": torch_file(b"\x80\x02" + glob("mine.Net") + b")\x81q\x07" + module_state(text("w") + rebuild() + b"s", text("part") + b"h\x07s") + b"b."),
        "size_of_a_number": torch_file(state(("a", glob("torch.Size") + b"K\1\x85R"))),
        "duplicate_tensor": torch_file(state(("a", rebuild()), ("a", rebuild()))),
        "name_not_text": torch_file(b"\x80\x02}K\1" + rebuild() + b"s."),
        "weight_nan": torch_file(good, (("data/0", struct.pack("<ff", 1, float("nan"))),)),
        "single_tensor": torch_file(b"\x80\x02" + rebuild() + b"."),
        "list_of_tensors": torch_file(b"\x80\x02]" + rebuild() + b"a."),
        "no_tensors": torch_file(state(("a", b"K\1"))),
        "two_state_dicts": torch_file(state(("model", b"}" + text("a") + rebuild() + b"s"), ("state_dict", b"}" + text("a") + rebuild() + b"s"))),
        "two_pickles": archive([("m/data.pkl", good), ("n/data.pkl", good)]),
        "no_pickle": archive([("m/version", b"3\n")]),
        "torchscript": archive([("m/data.pkl", good), ("m/constants.pkl", b"\x80\x02).")]),
        "big_endian": torch_file(good, (("data/0", b"\0" * 8), ("byteorder", b"big"))),
        "zip_bomb": bomb.getvalue(),
        "zip_truncated": whole[:-30],
        "zip_damaged_data": crc,
        "zip_two_members_of_one_name": with_two.getvalue().replace(b"m/data/1", b"m/data/0"),
        "zip_encrypted": bytes(encrypted),
        "zip_lzma": lzma,
        "before_version_1_6": b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19." + b"\x80\x02M\xe9\x03.",
        "tar_archive": b"storages".ljust(257, b"\0") + b"ustar\0" + b"00".ljust(249, b"\0"),
        "plain_pickle": b"\x80\x02}q\0.",
    }
    for name, data in files.items():
        write("torch/%s.pt" % name, data)


# ---- NumPy ----

def npy(descr="'<f4'", shape="(2,)", order="False", data=struct.pack("<ff", 1, 2), text=None, version=(1, 0), length=None):
    header = (text or "{'descr': %s, 'fortran_order': %s, 'shape': %s, }\n" % (descr, order, shape)).encode()
    n = struct.pack("<H" if version[0] == 1 else "<I", len(header) if length is None else length)
    return b"\x93NUMPY" + bytes(version) + n + header + data


def make_numpy():
    eight = struct.pack("<d", 1)
    files = {
        "no_header": b"\x93NUMPY\1\0",
        "no_length": b"\x93NUMPY\2\0\1\0",
        "version_four": npy(version=(4, 0)),
        "header_beyond_file": npy(length=500),
        "header_beyond_limit": npy(version=(2, 0), length=1 << 20),
        "not_a_dictionary": npy(text="('<f4', False, (2,))"),
        "dictionary_without_end": npy(text="{'descr': '<f4', 'fortran_order': False, 'shape': (2,)"),
        "bytes_after_dictionary": npy(text="{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} + {}"),
        "calls_a_function": npy(shape="eval('(2,)')"),
        "key_without_quotes": npy(text="{descr: '<f4'}"),
        "key_unknown": npy(text="{'descr': '<f4', 'order': 'C'}"),
        "key_twice": npy(text="{'descr': '<f4', 'descr': '<f4'}"),
        "key_missing": npy(text="{'descr': '<f4', 'shape': (2,)}"),
        "colon_missing": npy(text="{'descr' '<f4'}"),
        "comma_missing": npy(text="{'descr': '<f4' 'shape': (2,)}"),
        "order_a_number": npy(order="0"),
        "shape_a_number": npy(shape="2"),
        "shape_in_parentheses": npy(shape="(2)"),
        "shape_negative": npy(shape="(-2,)"),
        "shape_huge_integer": npy(shape="(18446744073709551617,)"),
        "shape_without_comma": npy(shape="(2 2)"),
        "shape_rank_nine": npy(shape="(1,1,1,1,1,1,1,1,2)"),
        "shape_overflow": npy(shape="(4294967296, 4294967296)"),
        "type_a_number": npy(descr="4"),
        "type_with_escape": npy(descr="'<f\\x34'"),
        "type_empty": npy(descr="''"),
        "type_not_text": npy(descr="'\x01\x02'"),
        "type_records": npy(descr="[('x', '<f4')]", shape="(2,)"),
        "type_objects": npy(descr="'|O'", data=b"\x80\x02K\1."),
        "type_complex": npy(descr="'<c8'", shape="(1,)", data=eight),
        "type_long_double": npy(descr="'<f16'", shape="(1,)", data=b"\0" * 16),
        "type_strings": npy(descr="'<U1'", data=b"a\0\0\0b\0\0\0"),
        "type_raw": npy(descr="'<V2'", data=b"\x80?\0@"),
        "type_dates": npy(descr="'<M8[ns]'", shape="(1,)", data=b"\0" * 8),
        "type_without_order": npy(descr="'f4'"),
        "type_unknown_width": npy(descr="'<i3'", data=b"\0" * 6),
        "truncated": npy(data=b"\0" * 7),
        "bytes_after_end": npy(data=b"\0" * 9),
        "weight_nan": npy(data=struct.pack("<ff", 1, float("nan"))),
        "weight_infinity_big_endian": npy(descr="'>f8'", shape="(1, 1)", data=struct.pack(">d", float("inf"))),
        "weight_nan_fortran": npy(shape="(2, 2)", order="True", data=struct.pack("<ffff", 1, 2, float("nan"), 4)),
        "bool_two": npy(descr="'|b1'", data=b"\0\2"),
        "integer_beyond_binary64": npy(descr="'<u8'", shape="(1,)", data=b"\xff" * 8),
        "another_family": npy(),
    }
    for name, data in files.items():
        write("numpy/%s.npy" % name, data)
    archives = {
        "type_objects": [("a.npy", files["another_family"]), ("b.npy", files["type_objects"])],
        "type_complex": [("a.npy", files["type_complex"])],
        "member_not_numpy": [("a.npy", b"1, 2")],
        "member_truncated": [("a.npy", files["truncated"])],
        "weight_nan": [("a.npy", npy()), ("b.npy", files["weight_nan"])],
        "no_arrays": [("config.npy", files["type_strings"]), ("note.txt", b"x")],
        "config_not_json": [("embed.W_E.npy", npy(shape="(1, 2)")), ("config.npy", npy(descr="'|S3'", shape="()", data=b"{x}"))],
        "another_family": [("a.npy", npy())],
        "two_members_of_one_name": [("a.npy", npy()), ("b.npy", npy())],
    }
    for name, members in archives.items():
        data = archive(members, zipfile.ZIP_DEFLATED if "truncated" in name else zipfile.ZIP_STORED)
        write("numpy/%s.npz" % name, data.replace(b"b.npy", b"a.npy") if name == "two_members_of_one_name" else data)


# ---- canonical networks ----

NET = """weightproof-net 1
tokens 2 2
mask causal
eps 0
tensor E 2 2
0x1p0 0
0 -0x1.8p1
tensor U 2 2
0x1p0 0x1p-2
0 0x1p0
tensor V 1 2 2
0x1p0 0
0 0x1p0
tensor b 2
0x1p0 0
node x embed E
node q linear x V[0]
node s score q q 2
node p softmax s
node z mix p q
node r linear z V[0]
node y heads r b
node w add x y
node logits linear w U b
output logits
end
"""


def net(old, new):
    assert old in NET, old
    return NET.replace(old, new, 1)


# every new operation has a line of its own here
REALS = """weightproof-net 1
reals 4 3
mask none
eps 0x1p-10
tensor I 2
0x1p0 0
tensor P 2 2
0 0x1p0
0x1.8p1 0
tensor T 4
0 0 0 0
node x input
node a row x 2
node c constant T
node s select x I
node k topk x 4
node g rowsoftmax x 2
node m maxpool x P
node j jumprelu x T
node y concat s m
node z matmul x y 1 2 2 2
node n rmsnorm z T
node o div n a
output o
end
"""


def reals(old, new):
    assert old in REALS, old
    return REALS.replace(old, new, 1)


def make_net():
    files = {
        "empty": "",
        "version_two": net("net 1", "net 2"),
        "truncated": NET[:120],
        "without_end": NET[:-4],
        "last_line_without_line_end": NET[:-1],
        "bytes_after_end": NET + "x\n",
        "empty_line": net("mask", "\nmask"),
        "carriage_return": NET.replace("\n", "\r\n"),
        "not_ascii": net("tensor b 2", "tensor \u00e9 2"),
        "two_spaces": net("tokens 2 2", "tokens 2  2"),
        "space_at_end": net("tokens 2 2", "tokens 2 2 "),
        "tokens_zero": net("tokens 2 2", "tokens 0 2"),
        "context_leading_zero": net("tokens 2 2", "tokens 2 02"),
        "context_too_large": net("tokens 2 2", "tokens 2 2147483648"),
        "tokens_three_numbers": net("tokens 2 2", "tokens 2 2 2"),
        "mask_unknown": net("mask causal", "mask anti"),
        "mask_missing": net("mask causal\n", ""),
        "eps_negative": net("eps 0", "eps -0x1p0"),
        "eps_without_layernorm": net("eps 0", "eps 0x1p-10"),
        "tensor_without_dimensions": net("tensor b 2", "tensor b"),
        "tensor_dimension_zero": net("tensor b 2", "tensor b 0"),
        "tensor_four_dimensions": net("tensor b 2", "tensor b 1 1 1 2"),
        "tensor_larger_than_file": net("tensor b 2", "tensor b 2147483647 2147483647 2147483647"),
        "tensor_name_bad": net("tensor b 2", "tensor 0b 2"),
        "tensors_not_sorted": net("tensor b 2", "tensor A 2"),
        "tensor_twice": net("tensor b 2", "tensor V 2"),
        "tensor_after_node": net("node q", "tensor z 1\n0\nnode q"),
        "row_short": net("0 0x1p0\ntensor b", "0\ntensor b"),
        "row_long": net("0 0x1p0\ntensor b", "0 0x1p0 0\ntensor b"),
        "number_decimal": net("-0x1.8p1", "-3"),
        "number_upper_case": net("-0x1.8p1", "-0x1.Ap1"),
        "number_trailing_zero": net("-0x1.8p1", "-0x1.80p1"),
        "number_minus_zero": net("-0x1.8p1", "-0"),
        "number_below_denormals": net("-0x1.8p1", "0x1.8p-1074"),
        "number_infinite": net("-0x1.8p1", "0x1p1024"),
        "keyword_unknown": net("node q", "knot q"),
        "op_unknown": net("softmax s", "softmin s"),
        "node_twice": net("node q linear", "node x linear"),
        "node_named_as_tensor": net("node q linear", "node E linear"),
        "node_name_too_long": net("node logits", "node " + "l" * 201),
        "argument_unknown": net("softmax s", "softmax t"),
        "argument_later_node": net("softmax s", "softmax z"),
        "arguments_too_few": net("add x y", "add x"),
        "arguments_too_many": net("softmax s", "softmax s s"),
        "node_after_weight": net("linear x V[0]", "linear V[0] x"),
        "weights_three": net("linear w U b", "linear w U b b"),
        "weight_missing": net("linear w U b", "linear w"),
        "slice_malformed": net("linear x V[0]", "linear x V[0"),
        "slice_out_of_range": net("linear x V[0]", "linear x V[1]"),
        "slice_of_vector": net("linear w U b", "linear w U b[0]"),
        "matrix_expected": net("linear w U b", "linear w V b"),
        "vector_expected": net("linear w U b", "linear w U U"),
        "matrix_rows_wrong": net("tensor b 2\n0x1p0 0", "tensor b 3 2\n0 0\n0 0\n0 0").replace("heads r b", "heads r").replace("linear w U b", "linear w b"),
        "vector_size_wrong": net("tensor b 2\n0x1p0 0", "tensor b 3\n0x1p0 0 0"),
        "embedding_rows_wrong": net("tokens 2 2", "tokens 3 2"),
        "position_rows_too_few": net("node q", "node o position U\nnode q").replace("tokens 2 2", "tokens 2 3"),
        "score_without_d": net("score q q 2", "score q q"),
        "score_d_zero": net("score q q 2", "score q q 0"),
        "softmax_of_rows": net("softmax s", "softmax q"),
        "mix_of_scores": net("mix p q", "mix s q"),
        "relu_of_pattern": net("mix p q", "relu p"),
        "add_of_different_widths": net("node y heads r b", "node n linear x N\nnode y add r n").replace("tensor U", "tensor N 2 1\n0\n0\ntensor U"),
        "heads_with_bias_inside": net("linear z V[0]", "linear z V[0] b"),
        "layernorm_with_one_weight": net("node y heads r b", "node y layernorm x b"),
        "output_unknown": net("output logits", "output logit"),
        "output_of_scores": net("output logits", "output s"),
        "header_neither_tokens_nor_reals": net("tokens 2 2", "token 2 2"),
        "reals_zero": reals("reals 4 3", "reals 0 3"),
        "pad_unknown_word": net("mask causal", "mask causal padding 1"),
        "pad_not_a_token": net("mask causal", "mask causal pad 2"),
        "pad_missing": net("mask causal", "mask causal pad"),
        "pad_twice": net("mask causal", "mask causal pad 1 1"),
        "pad_with_reals": reals("mask none", "mask none pad 0"),
        "embed_of_reals": reals("node x input", "node x embed P"),
        "input_of_tokens": net("node x embed E", "node x input"),
        "input_with_weight": reals("node x input", "node x input T"),
        "row_beyond_context": reals("row x 2", "row x 3"),
        "row_without_number": reals("row x 2", "row x"),
        "row_negative": reals("row x 2", "row x -2"),
        "row_leading_zero": reals("row x 2", "row x 02"),
        "node_after_integer": reals("matmul x y 1 2 2 2", "matmul x 1 2 2 2 y"),
        "weight_after_integer": reals("row x 2", "row x 2 T"),
        "integers_five": reals("matmul x y 1 2 2 2", "matmul x y 1 2 2 2 2"),
        "integers_too_few": reals("matmul x y 1 2 2 2", "matmul x y 2 2 2"),
        "integer_of_add": reals("div n a", "div n a 1"),
        "select_out_of_range": reals("tensor I 2\n0x1p0 0", "tensor I 2\n0x1p2 0"),
        "select_fraction": reals("tensor I 2\n0x1p0 0", "tensor I 2\n0x1p-1 0"),
        "select_negative": reals("tensor I 2\n0x1p0 0", "tensor I 2\n-0x1p0 0"),
        "select_matrix": reals("select x I", "select x P"),
        "maxpool_vector": reals("maxpool x P", "maxpool x I"),
        "maxpool_out_of_range": reals("0x1.8p1 0", "0x1p2 0"),
        "concat_of_one": reals("concat s m", "concat s"),
        "concat_of_pattern": net("node w add x y", "node w concat x p"),
        "concat_too_wide": REALS.replace("node z", "node w0 concat x x\n" + "".join("node w%d concat w%d w%d\n" % (i + 1, i, i) for i in range(29)) + "node z"),
        "constant_matrix": reals("constant T", "constant P"),
        "mul_of_different_widths": reals("node o div n a", "node h mul n m\nnode o div n a"),
        "exp_of_two": reals("node o div n a", "node h exp n a\nnode o div n a"),
        "exp_of_pattern": net("node w add x y", "node f exp p\nnode w add x y"),
        "jumprelu_threshold_size": reals("jumprelu x T", "jumprelu x I"),
        "topk_zero": reals("topk x 4", "topk x 0"),
        "topk_more_than_entries": reals("topk x 4", "topk x 5"),
        "rowsoftmax_groups": reals("rowsoftmax x 2", "rowsoftmax x 3"),
        "rowsoftmax_zero": reals("rowsoftmax x 2", "rowsoftmax x 0"),
        "matmul_first": reals("matmul x y 1 2 2 2", "matmul x y 1 3 2 2"),
        "matmul_second": reals("matmul x y 1 2 2 2", "matmul x y 1 2 2 3"),
        "matmul_huge": reals("matmul x y 1 2 2 2", "matmul x y 2147483647 2147483647 2147483647 2147483647"),
        "matmul_result_too_wide": REALS.replace("node z", "node w0 concat x x\n" + "".join("node w%d concat w%d w%d\n" % (i + 1, i, i) for i in range(14)) + "node v matmul w14 w14 1 131072 1 131072\nnode z"),
        "matmul_of_pattern": net("node w add x y", "node f matmul p x 1 1 2 1\nnode w add x y"),
        "rmsnorm_weight_size": reals("rmsnorm z T", "rmsnorm z I"),
        "rmsnorm_two_weights": reals("rmsnorm z T", "rmsnorm z T T"),
        "bilinear_of_rows": net("node p softmax s", "node p bilinear s q"),
        "bilinear_read_by_add": net("node p softmax s", "node f bilinear s s\nnode e add f f\nnode p softmax s"),
        "output_bilinear": net("node p softmax s", "node f bilinear s s\nnode p softmax s").replace("output logits", "output f"),
        "tensor_unused": net("heads r b", "heads r").replace("linear w U b", "linear w U"),
    }
    for name, data in files.items():
        write("net/%s.net" % name, data)


# ---- data arrays ----

ARRAY = "weightproof-array 1\nshape 2 2\n0x1p0 0\n-0x1.8p1 0x1p-3\nend\n"


def make_array():
    def change(old, new):
        assert ARRAY.count(old) == 1
        return ARRAY.replace(old, new)
    files = {
        "version_unknown": change("array 1", "array 2"),
        "shape_missing": change("shape 2 2", "shapes 2 2"),
        "no_dimensions": change("shape 2 2", "shape"),
        "four_dimensions": change("shape 2 2", "shape 1 1 2 2"),
        "dimension_zero": change("shape 2 2", "shape 0 2"),
        "dimension_leading_zero": change("shape 2 2", "shape 02 2"),
        "dimension_too_large": change("shape 2 2", "shape 2 2147483648"),
        "two_spaces": change("shape 2 2", "shape 2  2"),
        "larger_than_file": change("shape 2 2", "shape 2147483647 2147483647"),
        "row_short": change("0x1p0 0", "0x1p0"),
        "row_long": change("0x1p0 0", "0x1p0 0 0"),
        "row_trailing_space": change("0x1p0 0", "0x1p0 0 "),
        "rows_too_few": change("shape 2 2", "shape 3 2"),
        "rows_too_many": change("shape 2 2", "shape 1 2"),
        "number_decimal": change("-0x1.8p1", "-3"),
        "number_trailing_zero": change("-0x1.8p1", "-0x1.80p1"),
        "number_infinite": change("-0x1.8p1", "0x1p1024"),
        "number_below_denormals": change("-0x1.8p1", "0x1.8p-1074"),
        "end_missing": change("end\n", ""),
        "line_end_missing": change("end\n", "end"),
        "bytes_after_end": change("end\n", "end\n\n"),
        "carriage_return": change("shape 2 2\n", "shape 2 2\r\n"),
        "empty_line": change("shape 2 2\n", "shape 2 2\n\n"),
    }
    for name, data in files.items():
        write("array/%s.arr" % name, data)
    write("array/rank_0.npy", npy(shape="()", data=struct.pack("<f", 1)))
    write("array/rank_4.npy", npy(shape="(1, 1, 1, 2)"))
    write("array/empty.npy", npy(shape="(0, 2)", data=b""))


if __name__ == "__main__":
    make_array()
    make_safetensors()
    make_transformer()
    make_torch()
    make_numpy()
    make_net()
    for name, data in {"empty.bin": b"", "text.txt": b"hello\n", "model.gguf": b"GGUF\3\0\0\0", "model.onnx": b"\x08\x07\x12\x04",
                       "weights.h5": b"\x89HDF\r\n\x1a\n"}.items():
        write("other/" + name, data)
