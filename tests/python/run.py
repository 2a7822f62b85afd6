"""The Python package over the library that was built: numpy only. Closes with `N passed, N failed`.

    python tests/python/run.py BUILD
"""
import os
import signal
import subprocess
import sys
import tempfile
import threading
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(sys.argv[1])
os.environ["WEIGHTPROOF_LIBRARY"] = BUILD + "/libweightproof.so"
sys.path.insert(0, ROOT + "/python")
sys.path.insert(0, ROOT + "/tests/python")

import numpy as np  # noqa: E402
import naive  # noqa: E402
import weightproof as wp  # noqa: E402

MAX4 = ROOT + "/examples/max4_s123.safetensors"
RIGHT = "argmax(logits(M, t)[last]) == max(t)"
rng = np.random.default_rng(7)


def raises(kind, call, *parts):
    try:
        call()
    except kind as e:
        assert all(p in str(e) for p in parts), str(e)
        return e
    raise AssertionError("no %s" % kind.__name__)


def small(n_layers=1, heads=2):
    return naive.random_transformer(rng, d_vocab=5, n_ctx=3, d_model=6, d_head=3, heads=heads, n_layers=n_layers)


def test_load_and_info():
    m = wp.load(MAX4)
    assert m.family == "transformer" and m.info["d_vocab"] == 64 and m.info["parameters"] == 8320
    assert wp.info(MAX4) == m.info and "max4_s123" in repr(m) and "<table>" in m._repr_html_()
    assert m.net.startswith("weightproof-net 1\n") and len(m.sha256) == 64


def test_state_dict_is_the_file():
    m = wp.load(MAX4)
    again = wp.from_state_dict({k: v.astype(np.float32) for k, v in m.tensors.items()}, {"attention_dir": "causal", "normalization_type": None})
    assert again.sha256 == m.sha256


def test_run_encloses_the_naive_forward_pass():
    for layers, heads in ((1, 1), (1, 3), (2, 2)):
        state = small(layers, heads)
        m = wp.from_state_dict(state, {"n_heads": heads, "attention_dir": "causal", "normalization_type": None})
        for tokens in ([0], [4, 1], [2, 2, 3]):
            expected = naive.forward(state, tokens, heads)
            real, f32 = m.run(tokens), m.run(tokens, semantics="float32")
            assert real.lo.shape == expected.shape
            assert np.all(np.abs(real.mid - expected) <= real.radius + 1e-12 * (1 + np.abs(expected)))
            assert np.all(f32.lo <= real.lo) and np.all(real.hi <= f32.hi) and f32.contains(expected)


def test_nodes():
    m = wp.load(MAX4)
    pattern = m.run([3, 1, 4, 1], "blocks.0.attn.hook_pattern.0")
    assert pattern.lo.shape == (4, 4) and np.all(np.abs(pattern.mid.sum(1) - 1) < 1e-12) and pattern.mid[0, 1] == 0
    raises(wp.ModelError, lambda: m.run([1], "hook_nothing"), "no node 'hook_nothing'")
    e = raises(wp.ModelError, lambda: m.run([1], "blocks.0.attn.hook_patern.0"), "did you mean 'blocks.0.attn.hook_pattern.0'")
    assert "hook_embed" not in str(e)
    raises(wp.ModelError, lambda: m.run([64]), "token 64")
    raises(wp.ModelError, lambda: m.run([1, 2, 3, 4, 5]), "1 to 4")
    raises(wp.ModelError, lambda: m.run([0.5]), "list of integers")
    raises(wp.ModelError, lambda: m.run([2 ** 32 + 3]), "int32 does not hold")
    raises(ValueError, lambda: m.run([1], semantics="fp16"), "fp16")


def test_real_inputs():
    m, x = wp.load(ROOT + "/examples/bilinear_digits_s0.safetensors"), np.load(ROOT + "/examples/digits_x.npy")
    t = m.tensors
    assert m.input_width == 64
    for row in x[:5].astype(np.float64):
        e = m.run(row)
        expected = naive.bilinear(t, row)
        assert e.lo.shape == (10,) and np.all(np.abs(e.mid - expected) <= e.radius + 1e-12 * (1 + np.abs(expected)))
        assert m.run(row, semantics="float32").contains(expected)
    raises(wp.ModelError, lambda: m.run([1, 2, 3]), "64 real numbers")
    raises(wp.ModelError, lambda: m.run(x[0].astype(np.float64) + 0.1, semantics="float32"), "binary32")
    raises(wp.ModelError, lambda: m.run(np.full(64, np.nan)), "not finite")
    raises(wp.ModelError, lambda: m.run(np.full(64, 2 ** 53 + 1)), "float64 does not hold")
    raises(wp.ModelError, lambda: m.run(np.full(64, 1 + 2j)), "not complex128")


def test_a_linear_layer_is_no_toy_model():
    state = {"weight": np.ones((2, 8), np.float32), "bias": np.zeros(2, np.float32)}
    raises(wp.ModelError, lambda: wp.from_state_dict(state), "no known family")
    assert wp.from_state_dict(state, family="tms").family == "tms"


def test_processing_is_exact():
    path = ROOT + "/examples/sortlist_v12_n5_s1.pt"
    m, p = wp.load(path), wp.load(path, process=["fold_ln", "fold_value_biases", "center_writing"])
    assert m.sha256 != p.sha256 and np.max(np.abs(m.run([3, 1, 2]).mid - p.run([3, 1, 2]).mid)) < 1e-12
    text = "claim same { forall t in tokens[2] of 0..3 prove dist(inf, logits(M, t)[last], logits(P, t)[last]) <= 2^-60 }"
    wp.verify(text, {"M": m, "P": p}).raise_if_not_proved()
    raises(wp.ModelError, lambda: wp.load(path, process="fold_all"), "fold_ln")


def test_count_against_brute_force():
    state = small()
    m = wp.from_state_dict(state, {"n_heads": 2, "attention_dir": "causal", "normalization_type": None})
    right = 0
    for code in range(125):
        t = [code // 25, code // 5 % 5, code % 5]
        right += int(np.argmax(naive.forward(state, t, 2)[-1]) == max(t))
    r = wp.verify("claim c { count t in tokens[3] of 0..4 : %s }" % RIGHT, {"M": m})
    c = r["c"]
    assert c.number == (right, right) and c.total == (125, 125) and c.verdict is wp.Verdict.BOUNDED and c.evidence == "checked"
    assert c.lo == c.hi == right / 125 or abs(float(c.lo) - right / 125) < 1e-15
    r.raise_if_not_proved()


def test_results_are_typed():
    heard = []
    r = wp.verify(ROOT + "/examples/max4.claims", only=["always_right", "how_often", "which_ones"], decided=lambda *a: heard.append(a))
    assert [c.name for c in r] == ["always_right", "how_often", "which_ones"] == [h[0] for h in heard] and len(r) == 3
    refuted = r["always_right"]
    assert refuted.verdict == "refuted" and refuted.evidence == "replayed" and refuted.counterexample["t"].shape == (4,) and not refuted.proved
    assert r["how_often"].proved and r["how_often"].number[0] == 16772279 and r[1] is r["how_often"]
    assert len(r["which_ones"].items) == 100 and r["which_ones"].items_complete is False
    e = raises(wp.NotProved, r.raise_if_not_proved, "1 of 3 claims not proved", "always_right")
    assert [c.name for c in e.claims] == ["always_right"] and isinstance(e, AssertionError)
    r.raise_if_unexpected()
    assert not r.proved and r.status == 1 and "refuted" in r._repr_html_() and raises(KeyError, lambda: r["nothing"], "how_often")


def test_foreach_and_parameters():
    r = wp.verify('param bound = 1\nclaim c { foreach a in 0..1 prove a < bound }', params={"bound": 2})
    assert [c.name for c in r] == ["c[a=0]", "c[a=1]"] and r.proved
    assert not wp.verify('param bound = 1\nclaim c { foreach a in 0..1 prove a < bound }').proved


def test_semantics_and_html_are_passed_on():
    r = wp.verify('claim c "<b>" { prove 1 < 2 }', semantics="float32")
    assert r["c"].semantics == "float32" and "<b>" not in r._repr_html_()
    raises(wp.ClaimsError, lambda: wp.verify("claim c { prove 1 < 2 }", semantics="half"), "half")
    raises(wp.ClaimsError, lambda: wp.verify("claim c { prove 1 < 2 }", engine="magic"), "magic")


def test_errors_have_places():
    raises(wp.ClaimsError, lambda: wp.verify("claims 1\nclaim c { prove 1 < }"), "claims:2:21", "^")
    raises(wp.ClaimsError, lambda: wp.verify("claims 1\nclaim c { prove argmax(logits(M, t)[last]) == 0 }", {"M": wp.load(MAX4)}), "claims:2:")
    raises(wp.ClaimsError, lambda: wp.verify("no such.claims"), "no such.claims")
    raises(wp.ModelError, lambda: wp.load("no such.pt"), "no such.pt")
    raises(TypeError, lambda: wp.from_state_dict({"embed.W_E": np.array(["a"])}), "embed.W_E")


class Hooked:
    """As much of a torch module as is looked at: named_modules, hooks, state_dict."""

    def __init__(self, state, cfg=None, **hooks):
        self.state, self.hooks = state, hooks
        if cfg:
            self.cfg = type("Config", (), {"to_dict": lambda self: cfg})()

    def state_dict(self):
        return self.state

    def named_modules(self):
        return [("", self)] + [(name, type("Module", (), value)()) for name, value in self.hooks.items()]


def test_modules_and_their_hooks():
    state, cfg = small(1, 1), {"n_heads": 1, "attention_dir": "causal", "normalization_type": None}
    plain = wp.from_state_dict(state, cfg)
    none = {"fwd_hooks": [], "_forward_hooks": {}, "_forward_pre_hooks": {}}
    assert wp.from_transformer_lens(Hooked(state, cfg, hook_embed=none)).sha256 == plain.sha256 == wp.from_state_dict(Hooked(state, hook_embed=none), cfg).sha256
    for kind, value in (("fwd_hooks", ["a"]), ("_forward_hooks", {1: "a"}), ("_forward_pre_hooks", {1: "a"})):
        hooked = Hooked(state, cfg, hook_embed=none, hook_z={**none, kind: value})
        hooked.reset_hooks = None
        for call in (wp.from_transformer_lens, wp.from_state_dict):
            raises(wp.ModelError, lambda: call(hooked), "hook_z", "model.reset_hooks(including_permanent=True)")
    raises(wp.ModelError, lambda: wp.from_transformer_lens(Hooked(state)), "expected a HookedTransformer", "not Hooked")
    raises(wp.ModelError, lambda: wp.from_state_dict([1, 2]), "names to tensors", "not list")
    raises(wp.ModelError, lambda: wp.verify("claim c { prove 1 < 2 }", {"M": Hooked(state)}), "model M is a Hooked", "wp.from_transformer_lens")


def test_errors_speak_python():
    e = raises(wp.ModelError, lambda: wp.from_state_dict(small(1, 1), {"n_heads": 1, "attention_dir": "causal"}, name="mine"), "'mine'", "normalization_type=", "keyword arguments")
    assert "--set" not in str(e) and "/weightproof-" not in str(e)
    e = raises(wp.ModelError, lambda: wp.load(MAX4, nheads=2), "keyword argument nheads", "n_heads")
    assert "--set" not in str(e)
    e = raises(wp.ModelError, lambda: wp.load(MAX4, n_heads=2), "given by a keyword argument")
    assert "--set" not in str(e)


def test_only_is_a_name_or_several():
    text = "claim one { prove 1 < 2 }\nclaim two { prove 2 < 1 }"
    assert [c.name for c in wp.verify(text, only="one")] == ["one"] and [c.name for c in wp.verify(text, only=["two"])] == ["two"]


def test_models_replace_and_declare():
    m, state = wp.load(MAX4), small(1, 1)
    other = wp.from_state_dict(state, {"n_heads": 1, "attention_dir": "causal", "normalization_type": None})
    text = 'claims 1\nmodel A = "%s"\nclaim c { prove W(A, "embed.W_E")[0, 0] == W(B, "embed.W_E")[0, 0] }' % MAX4
    assert not wp.verify(text, {"B": other}).proved and wp.verify(text, {"B": m}).proved and wp.verify(text, {"A": other, "B": other}).proved
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "c.json")
        with open(config, "w") as f:
            f.write('{"n_heads": 1, "attention_dir": "causal", "normalization_type": null}')
        np_state = os.path.join(folder, "m.safetensors")
        from weightproof import _safetensors
        _safetensors.write(np_state, state)
        configured = wp.load(np_state, config=config)
        assert configured.sha256 == other.sha256
        assert wp.verify(text, {"A": configured, "B": configured}).proved
        stated = wp.load(np_state, n_heads=1, attention_dir="causal", normalization_type="null")
        assert stated.sha256 == other.sha256 and wp.verify(text, {"A": stated, "B": stated}).proved
        raises(wp.ClaimsError, lambda: wp.verify(text, {"B": np_state}), "--set normalization_type")


def test_arrays_without_files():
    m = wp.load(ROOT + "/examples/bilinear_digits_s0.safetensors")
    x, y = np.load(ROOT + "/examples/digits_x.npy")[:40], np.load(ROOT + "/examples/digits_y.npy")[:40]
    right = sum(int(np.argmax(naive.bilinear(m.tensors, row.astype(np.float64))) == label) for row, label in zip(x, y))
    text = "claim c { count r in rows(X) : argmax(output(M, X[r])) == Y[r] }"
    wrong = (y + 1) % 10
    for data, expected in (({"X": x, "Y": y}, right), ({"X": x.astype(np.float64)[::-1], "Y": list(y[::-1])}, right), ({"X": np.asfortranarray(x), "Y": y.astype(">i8")}, right),
                           ({"X": x[:0:-1], "Y": wrong[:0:-1]}, sum(int(np.argmax(m.run(row).mid) == w) for row, w in zip(x.astype(np.float64)[1:], wrong[1:])))):
        assert wp.verify(text, {"M": m}, data=data)["c"].number == (expected, expected)
    replaced = 'claims 1 data Y = "no.npz"["labels, \\"all\\""] # data X = "x"\n%s' % text
    assert wp.verify(replaced, {"M": m}, data={"X": x, "Y": y})["c"].number == (right, right)
    assert wp.verify(text, {"M": m}, data={"X": ROOT + "/examples/digits_x.npy", "Y": np.load(ROOT + "/examples/digits_y.npy")})["c"].total[0] > 40
    exact = "claim c { prove v[0] == 1/10 and v[1] == 2 }"
    assert not wp.verify(exact, data={"v": [0.1, 2]}).proved and wp.verify(exact.replace("1/10", "1/8"), data={"v": np.array([0.125, 2], np.float16)}).proved
    raises(wp.ModelError, lambda: wp.verify(exact, data={"v": [2 ** 53 + 1, 2]}), "data v", "float64 does not hold")
    raises(wp.ModelError, lambda: wp.verify(exact, data={"v": [[1], [1, 2]]}), "different lengths")
    raises(wp.ModelError, lambda: wp.verify(exact, data={"v": ["a"]}), "made of numbers")
    raises(wp.ClaimsError, lambda: wp.verify(exact, data={"v": [np.nan, 2]}), "v")
    raises(wp.ClaimsError, lambda: wp.verify(exact, data={"v": 3}), "v")
    raises(wp.ClaimsError, lambda: wp.verify('data v = "v.npy" sha256 "%s"\n%s' % ("0" * 64, exact), data={"v": [1, 2]}), "SHA-256")
    with tempfile.TemporaryDirectory() as folder:
        assert wp.verify(exact.replace("1/10", "1"), data={"v": [1, 2]}, certificates=folder + "/b").proved
        p = subprocess.run([BUILD + "/weightproof-check", "--quiet", folder + "/b/c.cert"], stdout=subprocess.PIPE)
        assert p.returncode == 0 and p.stdout.startswith(b"accepted proved")


def test_claim_files_with_arrays():
    with tempfile.TemporaryDirectory() as folder:
        np.save(folder + "/v.npy", np.array([1.0, 2.0]))
        with open(folder + "/a.claims", "w") as f:
            f.write('claims 1\ndata v = "v.npy" data w = "v.npy"\nclaim c { prove v[0] < w[1] }\n')
        assert wp.verify(folder + "/a.claims").proved and wp.verify(folder + "/a.claims", data={"v": [1.5, 0]}).proved
        assert not wp.verify(folder + "/a.claims", data={"w": np.zeros(2)}).proved and not wp.verify(folder + "/a.claims", data={"v": [1, 0], "w": [1, 0]}).proved


def test_batches():
    m = wp.load(MAX4)
    tokens = rng.integers(0, 64, (5, 3))
    for node in (None, "blocks.0.attn.hook_pattern.0"):
        for semantics in ("real", "float32"):
            e, single = m.run(tokens, node, semantics), [m.run(t, node, semantics) for t in tokens]
            assert e.lo.shape == (5, *single[0].lo.shape) and all(np.array_equal(e.lo[i], s.lo) and np.array_equal(e.hi[i], s.hi) for i, s in enumerate(single))
    assert m.run(tokens[:0]).lo.shape == (0, 3, 64) and m.run(tokens[:1]).lo.shape == (1, 3, 64) and wp.run(MAX4, tokens).lo.shape == (5, 3, 64)
    raises(wp.ModelError, lambda: m.run([[1, 2], [3, 64]]), "input 1", "token 64")
    raises(wp.ModelError, lambda: m.run([[1, 2], [3]]), "different lengths")
    for empty in ([], np.zeros(0, int), np.zeros((2, 0), int)):
        raises(wp.ModelError, lambda: m.run(empty), "at least one token")
    raises(wp.ModelError, lambda: m.run(np.zeros((2, 2, 2), int)), "list of integers")
    m, x = wp.load(ROOT + "/examples/bilinear_digits_s0.safetensors"), np.load(ROOT + "/examples/digits_x.npy")[:6].astype(np.float64)
    e = m.run(x, semantics="float32")
    assert e.lo.shape == (6, 10) and all(np.array_equal(e.hi[i], m.run(x[i], semantics="float32").hi) for i in range(6))
    assert m.run(x[:, None]).lo.shape == (6, 1, 10) and np.array_equal(m.run(x[:, None]).lo[:, 0], m.run(x).lo) and m.run(x[:0]).hi.shape == (0, 10)
    raises(wp.ModelError, lambda: m.run(np.zeros((2, 2, 64))), "2 positions")
    raises(wp.ModelError, lambda: m.run(np.zeros((2, 63))), "64 real numbers")


def test_files_are_written():
    with tempfile.TemporaryDirectory() as folder:
        r = wp.verify(ROOT + "/examples/max4.claims", only=["always_right"], certificates=folder + "/bundle", report=folder + "/r.html", failures=folder + "/f")
        assert os.path.exists(folder + "/bundle/MANIFEST") and os.path.exists(folder + "/f/always_right.npy")
        assert open(folder + "/r.html").read().startswith("<!") and r["always_right"].certificate
        p = subprocess.run([BUILD + "/weightproof-check", "--quiet", folder + "/bundle/always_right.cert"], stdout=subprocess.PIPE)
        assert p.returncode == 0 and p.stdout.startswith(b"accepted refuted")


def test_interrupt_keeps_what_was_decided():
    text = ("claim quick { prove 1 < 2 }\n"
            "claim slow { count t in tokens[4] of 0..63 : argmax(logits(M, t)[last]) == max(t) engine enumerate }\nclaim later { prove 1 < 2 }")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have started us with it ignored
    interrupt = threading.Timer(0.3, lambda: signal.raise_signal(signal.SIGINT))  # once the first claim is decided
    r = wp.verify(text, {"M": wp.load(MAX4)}, decided=lambda name, *_: interrupt.start() if name == "quick" else None)
    interrupt.join()
    assert r.interrupted and r["quick"].proved and r["slow"].verdict is wp.Verdict.UNDECIDED and not r.proved
    assert r["later"].verdict is wp.Verdict.UNDECIDED
    raises(wp.NotProved, r.raise_if_not_proved, "interrupted")


def main():
    passed = failed = 0
    for name, test in list(globals().items()):
        if not name.startswith("test_"):
            continue
        try:
            test()
            passed += 1
        except Exception:
            failed += 1
            print(name)
            traceback.print_exc(file=sys.stdout)
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed or not passed else 0)


main()
