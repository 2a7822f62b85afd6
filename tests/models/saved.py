"""Models as people save them (tests/data/saved, written by PyTorch and transformers): selftest must agree without a word, or the message must say what is
missing: python tests/models/saved.py BUILD
"""
import os
import subprocess
import sys

program, folder, passed, failed = os.path.join(sys.argv[1], "weightproof"), "tests/data/saved", 0, 0


def run(*args):
    done = subprocess.run([program, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode()


def options(sets):
    return [a for s in sets for a in ("--set", s)]


def count(good, what, output=""):
    global passed, failed
    passed, failed = passed + good, failed + (not good)
    if not good:
        print("%s\n%s" % (what, output))


def agrees(model, reference, *sets):
    status, text = run("selftest", os.path.join(folder, model), "--against", os.path.join(folder, reference + ".npz"), *options(sets))
    count(status == 0, "%s %s" % (model, sets), text)


def says(model, words, *sets, status=0):
    found, text = run("info", os.path.join(folder, model), *options(sets))
    count(found == status and all(w in " ".join(text.split()) for w in words), "%s %s: %r" % (model, sets, words), text)


# folders of save_pretrained
for name in ("llama", "tied", "mistral", "gpt2"):
    agrees(name, name)
    agrees(name + "/model.safetensors", name)
agrees("gpt2_bin", "gpt2")
says("llama", ["rotary_base 500 read from config.json", "n_key_value_heads 1 read from config.json", "eps 0.001 read from config.json"])
says("mistral", ["sliding_window is 8 (read from config.json), less than the context of 9"], "n_ctx=9", status=2)
for model, reference, wrong, cause in (
        ("llama", "llama", "rope_theta=10000", "none of the changes"), ("tied", "tied", "rope_theta=500", "--set rotary_base=10000"), ("tied", "tied", "eps=1e-4", "--set eps=1e-06"),
        ("llama", "llama", "act_fn=gelu", "--set act_fn=silu"), ("llama", "llama", "rotary_adjacent_pairs=true", "--set rotary_adjacent_pairs=false"),
        ("llama", "llama", "attention_dir=bidirectional", "causal mask"), ("gpt2", "gpt2", "act_fn=gelu_new", "--set act_fn=gelu"), ("gpt2", "gpt2", "eps=1e-5", "--set eps=0.001"),
        ("gpt2", "gpt2", "n_head=4", "--set n_heads=2")):
    status, text = run("selftest", os.path.join(folder, model), "--against", os.path.join(folder, reference + ".npz"), "--set", wrong)
    count(status == 1 and "likely cause: " in text and cause in text, "%s %s" % (model, wrong), text)

# a state dict among other things
for name in ("state_and_step", "policy_and_more", "in_a_list"):
    agrees(name + ".pt", "wrapped", "act=relu")
says("state_and_step.pt", ["step (a tensor, not read)"], "act=relu")
says("two_states.pt", ["more than one state dict in it ('ema', 'now'): say which with --set state_dict=KEY"], "act=relu", status=3)
agrees("two_states.pt", "wrapped", "act=relu", "state_dict=ema")

# modules saved whole: what their classes say is not asked for
for name in ("leaky", "normed", "batch", "plain", "flat", "pair", "own", "no_bias", "rms"):
    agrees(name + ".whole.pt", name)
agrees("each.whole.pt", "each", "n_ctx=3", "combine=none")
agrees("encoder.whole.pt", "encoder", "attention_dir=bidirectional")
says("encoder.whole.pt", ["n_heads 2 read from the attributes of the pickled module", "norm_first true read", "eps 0.001 read", "act_fn gelu read from the classes"], "attention_dir=causal")
says("encoder.pt", ["the tensors do not tell the number of heads: say --set n_heads=N; the names norm1"], status=3)
agrees("flat.pt", "flat", "act=relu")
agrees("pair.pt", "pair", "act=gelu_new")
agrees("own_sigmoid.whole.pt", "own_sigmoid", "act=sigmoid")
says("leaky.whole.pt", ["act leaky_relu(0.2), silu read from the classes", "act_out none read from the classes"])
says("normed.whole.pt", ["eps 0.001 read from the attributes", "act_out softmax read"])
says("pair.whole.pt", ["act gelu_new read from the classes", "that of 'mlp' after the embedding assumed: the code of the class around it is not read"])
says("own.whole.pt", ["act tanh assumed: the only activation among the parts of the pickled module (override with --set act=WORD)"])
says("own_sigmoid.whole.pt", ["the tensors do not tell the activation between the layers, and the module has sigmoid among its parts: say --set act=relu"], status=3)
says("elu.whole.pt", ["cannot read this family yet", "module '1' is of class torch.nn.modules.activation.ELU, which is not read"], status=2)
says("rms.whole.pt", ["eps 1.1920929e-07 of an RMSNorm without eps: the machine epsilon of float32"])

says("encoder_two_eps.whole.pt", ["the norms of the pickled module have different eps"], "attention_dir=causal", status=2)

# modules whose function their tensors and the classes of their parts do not tell
for name, words in (("hook", "module '1' has forward hooks, which change its function and are not read"), ("pre_hook", "module '(the whole)' has forward hooks"),
                    ("forward", "module '1' has a forward pass of its own among its attributes"), ("max_norm", "module '0' has max_norm set"),
                    ("twice", "module '0' is of class __main__.Twice: its code is not read"), ("no_affine", "LayerNorm: without a weight (elementwise_affine=False)"),
                    ("no_statistics", "BatchNorm1d: without running statistics"), ("two_acts", "module '2' is of class torch.nn.modules.activation.Tanh: two activations in a row"),
                    ("act_first", "module '0' is of class torch.nn.modules.activation.Tanh: an activation before the first layer"),
                    ("softmax_0", "over another axis than the last (dim=-1)"), ("nested", "a Sequential inside a Sequential is not read"),
                    ("nested_more", "a Sequential inside a Sequential is not read"), ("two_eps", "module '3' is of class torch.nn.modules.normalization.LayerNorm: its eps is not that of the norms before it")):
    says(name + ".whole.pt", [words], status=2)
for name in ("beside", "skips", "own"):
    says(name + ".whole.pt", ["forward pass the layers one after another assumed: the code of the classes around the layers is not read, paths beside the layers assumed to be none"])
says("each.whole.pt", ["say --set n_ctx=N"], status=3)
status, text = run("selftest", os.path.join(folder, "leaky.pt"), "--against", os.path.join(folder, "leaky.npz"), "--set", "act=leaky_relu(0.1),silu")
count(status == 1 and "FAILED" in text, "leaky.pt with another slope", text)

print("%d passed, %d failed" % (passed, failed))
sys.exit(failed > 0)
