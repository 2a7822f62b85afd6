"""The Python package as a user gets it: the wheel in an environment of its own, held against PyTorch and TransformerLens modules; the notebook.

    python tests/peers/python.py BUILD

Needs torch, transformer_lens, nbclient, ipykernel (make check-peers installs them). Closes with `N passed, N failed`.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def install(folder):
    """The wheel, built and unpacked into a folder: what pip install puts there."""
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--target", folder, ROOT + "/python"], check=True)
    sys.path.insert(0, folder)
    os.environ["PYTHONPATH"] = folder + os.pathsep + os.environ.get("PYTHONPATH", "")
    os.environ.pop("WEIGHTPROOF_LIBRARY", None)


def test_the_wheel_is_complete(wp):
    folder = os.path.join(os.path.dirname(wp.__file__), "lib")
    for name in ("libweightproof.so", "weightproof-check"):
        out = subprocess.run(["ldd", os.path.join(folder, name)], stdout=subprocess.PIPE, text=True, check=True).stdout
        for library in ("libgmp", "libflint", "libmpfr", "libzip", "libcjson"):
            for line in out.splitlines():
                assert library not in line or folder in os.path.realpath(line.split("=> ")[1].split()[0]) or folder in line, line


def test_transformer_lens(wp):
    import torch
    from transformer_lens import HookedTransformer, HookedTransformerConfig

    torch.manual_seed(1)
    for options in (dict(attn_only=True, normalization_type=None), dict(act_fn="relu", normalization_type="LN"), dict(act_fn="gelu", normalization_type=None)):
        cfg = HookedTransformerConfig(n_layers=2, d_model=12, n_ctx=5, d_head=4, n_heads=3, d_vocab=7, seed=3, device="cpu",
                                      **dict({"act_fn": None}, **options))
        model = HookedTransformer(cfg)
        m = wp.from_transformer_lens(model)
        for tokens in ([1], [6, 0, 3], [2, 2, 5, 1, 0]):
            logits, cache = model.run_with_cache(torch.tensor([tokens]))
            e = m.run(tokens, semantics="float32")
            assert e.contains(logits[0]), (options, e)
            assert m.run(tokens, "blocks.1.attn.hook_pattern.2", "float32").contains(cache["pattern", 1][0, 2])
            assert m.run(tokens, "blocks.1.hook_resid_post", "float32").contains(cache["resid_post", 1][0])


def test_hooks_are_refused(wp):
    from transformer_lens import HookedTransformer, HookedTransformerConfig

    model = HookedTransformer(HookedTransformerConfig(n_layers=1, d_model=8, n_ctx=4, d_head=4, n_heads=2, d_vocab=5, act_fn="relu", normalization_type="LN", device="cpu"))
    before = wp.from_transformer_lens(model).sha256
    model.add_perma_hook("blocks.0.hook_attn_out", lambda x, hook: x * 0)
    try:
        wp.from_transformer_lens(model)
        raise AssertionError("hooks were overlooked")
    except wp.ModelError as e:
        assert "blocks.0.hook_attn_out" in str(e)
    model.reset_hooks(including_permanent=True)
    assert wp.from_transformer_lens(model).sha256 == before


def test_failures_of_a_checkpoint_with_a_configuration_object(wp):
    """weights_only refuses the object; the lines that show the failing inputs pass it over."""
    import torch
    from transformer_lens import HookedTransformer, HookedTransformerConfig

    cfg = HookedTransformerConfig(n_layers=1, d_model=8, n_ctx=3, d_head=4, n_heads=2, d_vocab=5, attn_only=True, normalization_type=None, device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        torch.save({"model": HookedTransformer(cfg).state_dict(), "config": cfg}, folder + "/m.pt")
        text = 'claims 1 model M = "%s/m.pt" claim right { forall t in tokens[3] of 0..4 prove logits(M, t)[last, 0] > 1000 }' % folder
        assert not wp.verify(text, failures=folder + "/f").proved
        p = subprocess.run([sys.executable, folder + "/f/right.py"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert p.returncode == 0 and "answers at every position" in p.stdout, p.stdout


def test_torch_state_dict(wp):
    import torch

    sys.path.insert(0, ROOT + "/tests/python")
    import naive
    import numpy as np

    rng = np.random.default_rng(0)
    for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
        state = naive.random_transformer(rng, 5, 3, 6, 3, 2, 1)
        tensors = {k: torch.from_numpy(v).to(dtype) for k, v in state.items()}
        m = wp.from_state_dict(tensors, {"n_heads": 2, "attention_dir": "causal", "normalization_type": None})
        exact = {k: t.double().numpy() for k, t in tensors.items()}
        assert all(np.array_equal(m.tensors[k], exact[k]) for k in exact)
        expected = naive.forward(exact, [4, 0, 2], 2)
        got = m.run([4, 0, 2])
        assert np.all(np.abs(got.mid - expected) <= got.radius + 1e-12 * (1 + np.abs(expected)))


def test_a_network_of_ones_own(wp):
    import re

    with tempfile.TemporaryDirectory() as folder:
        out = subprocess.run([sys.executable, ROOT + "/examples/write_net.py", folder + "/own.net", sys.argv[1] + "/weightproof"],
                             stdout=subprocess.PIPE, text=True, check=True).stdout
        theirs = [float(x) for x in re.search(r"PyTorch: \[(.*)\]", out).group(1).split(", ")]
        e = wp.load(folder + "/own.net").run([3, 5], semantics="float32")
        assert e.contains([theirs, theirs]), (theirs, e.lo, e.hi)


def test_notebook(wp):
    import nbformat
    from nbclient import NotebookClient

    with tempfile.TemporaryDirectory() as folder:
        notebook = nbformat.read(ROOT + "/examples/from_training_to_proof.ipynb", 4)
        NotebookClient(notebook, timeout=600, resources={"metadata": {"path": folder}}).execute()
        text = "\n".join(str(c.get("outputs")) for c in notebook.cells)
        assert "proved" in text and "refuted" in text and "bounded" in text and os.path.exists(folder + "/proof-of-how-often/MANIFEST")


def main():
    passed = failed = 0
    folder = tempfile.mkdtemp()
    try:
        install(folder)
        import weightproof as wp

        assert wp.__file__.startswith(folder)
        for name, test in list(globals().items()):
            if not name.startswith("test_"):
                continue
            try:
                test(wp)
                passed += 1
                print("ok     " + name, flush=True)
            except Exception:
                failed += 1
                print("FAILED " + name)
                traceback.print_exc(file=sys.stdout)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed or not passed else 0)


main()
