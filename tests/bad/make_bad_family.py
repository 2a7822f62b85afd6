"""Write the bad files of families that are not transformers, each named by its one defect: python3 tests/bad/make_bad_family.py

Beside make_bad.py, whose writers it uses. expected.tsv says what reading each of them must answer.
"""
from make_bad import safetensors, write

SEQUENTIAL = {"0.weight": [3, 2], "0.bias": [3], "2.weight": [2, 3], "2.bias": [2]}
NORMED = {"0.weight": [3, 2], "1.weight": [3], "1.bias": [3], "1.running_mean": [3], "1.running_var": [3], "3.weight": [2, 3]}
STACKED = {"embed.weight": [2, 3], "blocks.0.weight": [4, 2], "head.weight": [3, 2]}
SHARED = {"left.weight": [3, 2], "right.weight": [3, 2], "head.weight": [2, 3]}
PRODUCT = {"bilinear.weight": [2, 3, 3]}
TMS = {"W": [2, 3], "b": [3]}
SAE = {"W_enc": [2, 3], "W_dec": [3, 2], "b_enc": [3], "b_dec": [2]}
TABLED = {"embedding.weight": [4, 2], "fc1.weight": [3, 6], "fc2.weight": [4, 3]}
PAIR = {"embed.weight": [4, 2], "l1.weight": [3, 4], "l1.bias": [3], "unembed.weight": [4, 3]}
ADDED = {"embed.weight": [4, 2], "l1.weight": [3, 2], "l1.bias": [3], "unembed.weight": [4, 3]}
ACT, SUBTRACT = {"act": "relu"}, {"act": "relu", "apply_b_dec_to_input": False}

FILES = {
    # chains
    "mlp_act_unknown": (SEQUENTIAL, {"act": "rleu"}), "mlp_act_missing": (SEQUENTIAL, None), "mlp_act_a_number": (SEQUENTIAL, {"act": 1}),
    "mlp_act_list_too_long": (SEQUENTIAL, {"act": ["relu", "relu"]}), "mlp_act_list_of_numbers": (SEQUENTIAL, {"act": [1]}),
    "mlp_act_two_places": (NORMED | {"1.weight": None, "2.weight": [3], "2.bias": [3], "2.running_mean": [3], "2.running_var": [3], "3.weight": None, "4.weight": [2, 3],
                                     "1.bias": None, "1.running_mean": None, "1.running_var": None}, ACT),
    "mlp_widths_differ": (SEQUENTIAL | {"2.weight": [2, 4]}, ACT), "mlp_bias_too_long": (SEQUENTIAL | {"0.bias": [4]}, ACT), "mlp_empty": (SEQUENTIAL | {"0.weight": [3, 0]}, ACT),
    "mlp_eps_negative": (NORMED, {"act": "relu", "eps": -1}), "mlp_eps_missing": ({"0.weight": [3, 2], "1.weight": [3]}, ACT),
    "mlp_mean_too_long": (NORMED | {"1.running_mean": [4]}, ACT),
    "mlp_layout_missing": ({"W1": [3, 3], "W2": [2, 3]}, ACT), "mlp_layout_unknown": ({"W1": [3, 3]}, {"layout": "rows"}), "mlp_layout_of_first_missing": ({"W1": [3, 2]}, None),
    # chains after an embedding
    "tokens_act_missing": (TABLED, None), "tokens_input_type_unknown": (TABLED, ACT | {"input_type": "words"}), "tokens_and_reals": (TABLED, ACT | {"input_type": "reals"}),
    "tokens_no_table": (SEQUENTIAL, ACT | {"input_type": "tokens"}), "tokens_width": (TABLED | {"fc1.weight": [3, 5]}, ACT), "tokens_combine_unknown": (TABLED, ACT | {"combine": "max"}),
    "tokens_combine_contradicts": (TABLED, ACT | {"combine": "add"}), "tokens_n_ctx_contradicts": (TABLED, ACT | {"n_ctx": 2}),
    "tokens_n_ctx_missing": (TABLED | {"fc1.weight": [3, 2]}, ACT), "tokens_n_ctx_large": (TABLED | {"fc1.weight": [3, 2]}, ACT | {"n_ctx": 65, "combine": "add"}),
    "tokens_combine_missing": (TABLED | {"fc1.weight": [3, 2]}, ACT | {"n_ctx": 3}), "tokens_alone_with_norm": ({"embedding.weight": [4, 2], "fc1.running_mean": [2], "fc1.running_var": [2],
                                                                                                                  "fc2.weight": [4, 2]}, ACT),
    # bilinear
    "bilinear_residual_missing": (STACKED, None), "bilinear_residual_unknown": (STACKED, {"residual": "maybe"}), "bilinear_scale_missing": (STACKED, {"residual": True}),
    "bilinear_lerp_scale_missing": (STACKED, {"residual": "lerp"}), "bilinear_odd_rows": (STACKED | {"blocks.0.weight": [3, 2]}, None),
    "bilinear_residual_impossible": (STACKED | {"blocks.0.weight": [4, 2], "blocks.1.weight": [6, 2], "head.weight": [3, 3]}, {"residual": True, "residual_scale": 1}),
    "bilinear_sides_differ": (SHARED | {"right.weight": [4, 2]}, None), "bilinear_head_too_wide": (SHARED | {"head.weight": [2, 4]}, None),
    "bilinear_gate_unknown": (SHARED, {"gate": "door"}), "bilinear_extra_tensor": (SHARED | {"more": [2]}, None), "bilinear_rank": (SHARED | {"left.weight": [3]}, None),
    "bilinear_rank_four": (SHARED | {"left.weight": [3, 1, 1, 2]}, None), "bilinear_ignored_by_the_file": (SHARED | {"more": [2]}, {"ignore": "more"}),
    "product_inputs_missing": (PRODUCT, None), "product_inputs_unknown": (PRODUCT, {"inputs": "three"}), "product_inputs_impossible": ({"bilinear.weight": [2, 3, 4]}, {"inputs": "same"}),
    # superposition
    "tms_square": ({"W": [3, 3], "b": [3]}, None), "tms_no_axis": ({"W": [2, 4], "b": [3]}, None), "tms_features_unknown": (TMS, {"features": "diagonal"}),
    "tms_features_contradict": (TMS, {"features": "rows"}), "tms_instance_missing": ({"W": [2, 2, 3], "b": [2, 3]}, None),
    "tms_instance_too_large": ({"W": [2, 2, 3], "b": [2, 3]}, {"instance": 2}), "tms_instances_differ": ({"W": [2, 2, 3], "b": [3, 3]}, None),
    # autoencoders
    "sae_act_missing": (SAE, {"apply_b_dec_to_input": True}), "sae_subtract_missing": (SAE, ACT), "sae_k_missing": (SAE, SUBTRACT | {"act": "topk"}),
    "sae_k_too_large": (SAE, SUBTRACT | {"act": "topk", "k": 4}), "sae_relu_after_topk_missing": (SAE, SUBTRACT | {"act": "topk", "k": 2}),
    "sae_threshold_missing": (SAE, SUBTRACT | {"act": "jumprelu"}), "sae_features_differ": (SAE | {"W_dec": [4, 2]}, SUBTRACT), "sae_gated": (SAE, {"architecture": "gated"}),
    "sae_normalized": (SAE, SUBTRACT | {"normalize_activations": "layer_norm"}), "sae_rescaled": (SAE, SUBTRACT | {"rescale_acts_by_decoder_norm": True}),
    "transcoder_subtract_impossible": (SAE | {"W_dec": [3, 4], "b_dec": [4], "W_skip": [4, 2]}, ACT | {"apply_b_dec_to_input": True}),
    # two tokens
    "pair_act_missing": (PAIR, None), "pair_combine_missing": (ADDED, ACT), "pair_combine_unknown": (ADDED, ACT | {"combine": "max"}),
    "pair_combine_contradicts": (PAIR, ACT | {"combine": "add"}), "pair_width": (PAIR | {"l1.weight": [3, 5]}, ACT), "pair_head_width": (PAIR | {"unembed.weight": [4, 4]}, ACT),
}


def make():
    for name, (shapes, config) in FILES.items():
        write("family/%s.safetensors" % name, safetensors({k: v for k, v in shapes.items() if v is not None}, config))


if __name__ == "__main__":
    make()
