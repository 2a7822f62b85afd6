"""Closed claims that exercise the language, and texts and networks that both checkers must refuse."""
import hashlib

# canonical predicates, with their truth; M is a network with tensor embed.W_E of shape [3, 3]
TRUE = """
argmax({1/2, 1}) != 5
1 + 1 == 2
1/3 + 1/6 == 1/2
-1/4 < 0 and 0 <= 0 < 1 <= 1 != 2
2 * (1/4) == 1/2 and 1/4 * 2 == 1/2
not (1 < 0 or 0 == 1)
not not 1 == 1
(1 < 0 => 2 < 1 => 3 < 2) and 0 < 1
1 < 0 => 0 < 1 <=> 0 < 1
1 < 2 <=> 2 < 3 <=> 3 < 4
7 % 3 == 1 and -7 % 3 == 2
(if 1 < 2 then 3 else 4) == 3
(if 1 < 0 then 1 else if 2 < 0 then 2 else 3) == 3
all{a * b <= 4 : a in 0..2, b in 0..a}
{1, 2} == {1, 2} and {1, 2} != {1, 3}
log(2) < 1 and log(2) > 69/100
any{a == 2 : a in {3, 1, 2}}
all{a > 5 : a in 1..0}
not any{a > 5 : a in 1..0}
sum{a : a in 1..0} == 0
exists a in 0..5, b in 0..5 where a < b : a + b == 9 and a * b == 20
sum{a^2 : a in 1..4 where a % 2 == 0} == 20
max{a - b : a in 0..2, b in {1, 4}} == 1
min(3, 1, 2) == 1 and max(3, 1, 2) == 3
mean{a : a in 1..4} == 5/2
count{a < 2 : a in 0..9} == 2
{5, 6, 7}[1] == 6
{5, 6, 7}[last] == 7
{5, 6, 7, 8}[last - 1] == 7
sum({5, 6, 7, 8}[1..2]) == 13
sum({5, 6, 7, 8}[..1]) == 11 and sum({5, 6, 7, 8}[2..]) == 15 and sum({5, 6, 7, 8}[..]) == 26
len({5, 6, 7}[2..1]) == 0
{{1, 2}, {3, 4}}[1, 0] == 3 and {{1, 2}, {3, 4}}[1][0] == 3
sum({{1, 2}, {3, 4}}[.., 1]) == 6
argmax({3, 5, 5}) == 1 and argmin({3, 1, 1}) == 1
argmax({1/2, 5/2, 3/2}) == 1
not argmax({1/2, 5/2, 5/2}) == 1
argmax({1/2, 5/2, 5/2}) != 1
2 in argmaxes({1/2, 5/2, 5/2})
not 0 in argmaxes({1/2, 5/2, 5/2})
argmax({1/2, 1}) == argmax({1/3, 2/3})
3 in 0..3 and 2 in {1, 2} and not 5 in {a^2 : a in 0..3}
4 in {a^2 : a in 0..3}
not 0 < 0 < 1 % 0
abs(-3) == 3 and abs(2 - 5) == 3
sum(sort({3, 1, 2})[0..1]) == 3
distinct({1, 2, 3}) and not distinct({1, 2, 1})
contains({1, 2, 3}, 2) and not contains({1, 2, 3}, 4)
seq(1, {2, 3}, 4)[2] == 3 and len(seq(1, {2, 3}, 4)) == 4
dist(inf, {1, 2}, {4, 4}) == 3 and dist(1, {1, 2}, {4, 4}) == 5
norm(inf, {1, -2}) == 2 and norm(1, {1, -2}) == 3
norm(2, {3, 5}) > 29/5 and norm(2, {3, 5}) < 59/10
dist(2, {0, 0}, {1, 1}) < 3/2
dot({1, 2}, {3, 4}) == 11
sum(diag({{1, 2}, {3, 4}})) == 5
transpose({{1, 2}, {3, 4}})[0, 1] == 3
fold({{0, 1}, {1, 0}}, 0, {1, 0, 1, 1}) == 1 and fold({{0, 1, 1}, {1, 1, 0}}, 1, {0, 2, 2}) == 1
onehot(1, 3)[1] == 1 and sum(onehot(1, 3)) == 1
mean_rows({{1, 2}, {3, 4}})[1, 0] == 2
({{1, 2}, {3, 4}} @ {{0, 1}, {1, 0}})[0, 0] == 2
({1, 2} @ {{1, 2}, {3, 4}})[1] == 10
({{1, 2}, {3, 4}} @ {1, 1})[1] == 7
{1, 2} @ {3, 4} == 11
({1, 2} + {3, 4} - {1, 1})[1] == 5
(2 * {1, 2} / 4)[1] == 1
(-{1, 2})[0] == -1
exp(1) > 27/10 and exp(1) < 14/5
exp(-100) > 0 and exp(-100) < 1/1000000
sqrt(2)^2 > 199/100 and sqrt(2)^2 < 201/100
sqrt(2)^-2 < 51/100
exp(20) > 485165195 and exp(20) < 485165196
softmax({0, 1, 2})[2] > 33/50 and sum(softmax({0, 1, 2})) < 1001/1000
softmax({0, 1000})[0] < 1/1000000
(1 + 1)^10 - 1 == 1023
(1 + 1)^(1 + 2) == 8
(1 - 2)^2 == 1 and -(1 + 1)^2 == -4
(1 + 1)^-(1 + 2) == 1/8
1 - (2 - 3) == 2 and 1 - 2 - 3 == -4
8 / (2 * {2, 1}[0]) == 2
1 < 0 and {1}[5] == 0 or 0 < 1
0 < 1 or {1}[5] == 0
(1 < 0 => 1 / {0}[0] == 1) and 0 < 1
all{W(M, "embed.W_E")[a, b] == transpose(W(M, "embed.W_E"))[b, a] : a in 0..2, b in 0..2}
QK(M, 0, 0)[1, 2] == sum{W(M, "blocks.0.attn.W_Q")[0, 1, i] * W(M, "blocks.0.attn.W_K")[0, 2, i] : i in 0..1}
OV(M, 0, 0)[1, 2] == (W(M, "blocks.0.attn.W_V")[0] @ W(M, "blocks.0.attn.W_O")[0])[1, 2]
(if exists a in 0..1 : a == 1 then 1 else 2) == 1
(exists a in 0..1 : a == 1) and 1 == 1
len(logits(M, {0, 1})) == 2 and len(logits(M, {0})[last]) == 3
sum(attn(M, 0, 0, {0, 1})[1]) > 99/100 and attn(M, 0, 0, {0, 1})[0, 1] == 0
score(M, 0, 0, {0, 1})[1, 0] < 1000
head_out(M, 0, 0, {1})[0, 0] == node(M, head(0, 0), {1})[0, 0]
resid_pre(M, 0, {1, 2})[1, 0] == node(M, "blocks.0.hook_resid_pre", {1, 2})[1, 0]
resid_post(M, 0, {1, 2})[1, 0] == node(M, "blocks.0.hook_resid_post", {1, 2})[1, 0]
node(M, embed, {2})[0, 1] == W(M, "embed.W_E")[2, 1]
""".strip().splitlines()

# canonical, but vacuous or without meaning: an error of the claim
MEANINGLESS = """
1 < 0 => 0 < 1
{1, 2}[2] == 1
{1, 2}[-1] == 1
{1, 2}[1/2] == 1
{1, 2}[4 / 2 - 1] == 2
max{a : a in 1..0} == 0
1 / (1 - 1) == 0
5 % 0 == 0
5 % (1/2) == 0
2 in {1, 2, 1}
1 in {1, 1}
1/2 in {1, 2}
not 1/2 in {1, 2}
{1, 1 / (1 - 1)}[0] == 1
all{{1, 2 % 0}[a] == 1 : a in 0..0}
all{{2 % 0, 1}[a] == 1 : a in 1..1}
{1, 2 % 0}[1] == 1
0 < 1 < 1 % 0
1 in {1/2, 1}
1/2 in 0..3
sum{a : a in {1, 1}} == 2
argmax({1/2, 1}) < 1
argmax({1/2, 1}) + 1 == 2
sqrt(-2) < 5
sqrt(2)^(1/2) > 1
1 / (sqrt(2)^2 - 2) > 0
{1, 2} == {1, 2, 3}
{1, 2} * {1, 2} == 3
{1, 2} @ {1, 2, 3} == 3
dist(3, {1}, {2}) == 1
dist(1, {1, 2}, {2}) == 1
fold({{0, 1}, {1, 0}}, 0, {1, 2}) == 0
fold({{0, 1}, {2, 0}}, 0, {1, 0, 0}) == 0
onehot(3, 3)[0] == 0
logits(M, {0, 7})[0, 0] < 1000
logits(M, {0, 0, 0, 0})[0, 0] < 1000
logits(M, {0}[1..0])[0, 0] < 1000
logits(M, {0})[0, 5] < 1000
score(M, 0, 0, {0, 1})[0, 1] < 1000
attn(M, 1, 0, {0, 1})[0, 1] < 1000
attn(M, 0, 7, {0, 1})[0, 1] < 1000
mlp_pre(M, 0, {0})[0, 0] < 1000
node(M, "nothing", {0})[0, 0] < 1000
W(M, "nothing")[0] < 1
W(M, "embed.W_E")[3, 0] < 1
patch(M, embed = {1}) == 1
logits(patch(M, embed = {1, 2, 3}), {0})[0, 0] < 1000
logits(patch(M, embed[1] = {1, 2, 3}), {0})[0, 0] < 1000
logits(patch(M, "blocks.0.attn.hook_pattern.0"[0] = {1}), {0})[0, 0] < 1000
logits(patch(M, embed = zero), {0})[0, 0] < 1000
ablate(M, drop = {embed}, to = zero) == 1
logits(ablate(M, drop = {"blocks.0.attn.hook_pattern.0"}, to = zero), {0})[0, 0] < 1000
logits(ablate(M, drop = {unembed}, to = zero), {0})[0, 0] < 1000
logits(ablate(M, drop = {head(0, 7)}, to = zero), {0})[0, 0] < 1000
logits(ablate(M, drop = {embed[1]}, to = zero), {0})[0, 0] < 1000
logits(ablate(M, drop = {embed[0, 0]}, to = zero), {0})[0, 0] < 1000
logits(ablate(M, drop = {embed}, drop = {pos_embed}), {0})[0, 0] < 1000
logits(ablate(M, drop = {embed}, keep = {pos_embed}), {0})[0, 0] < 1000
logits(ablate(M, to = zero, to = zero), {0})[0, 0] < 1000
logits(ablate(M, drop = {embed}, to = value {1, 2, 3, 4, 5, 6, 7}), {0})[0, 0] < 1000
logits(ablate(M, drop = {embed}, to = value 1 < 2), {0})[0, 0] < 1000
logits(ablate(M, drop = {embed}, to = from {0, 0}), {0})[0, 0] < 1000
logits(ablate(M, drop = {embed}, to = from {7}), {0})[0, 0] < 1000
logits(ablate(M, drop = {embed}, to = mean over tokens[2] of 0..1), {0})[0, 0] < 1000
logits(ablate(M, drop = {embed}, to = mean over tokens[1] of 1..0), {0})[0, 0] < 1000
logits(ablate(M, drop = {embed}, to = mean over 0..1), {0})[0, 0] < 1000
logits(ablate(M, drop = {embed : i in 0..1 where 1}, to = zero), {0})[0, 0] < 1000
logits(ablate(M, drop = {embed}, to = any over tokens[1] of 1..0), {0})[0, 0] < 1000
logits(ablate(M, drop = {neuron(0, 0)}, to = zero), {0})[0, 0] < 1000
logits(ablate(M, drop = {edge(head(0, 0), head(0, 0).q)}, to = zero), {0})[0, 0] < 1000
logits(ablate(M, drop = {edge(embed, head(0, 7).q)}, to = zero), {0})[0, 0] < 1000
logits(ablate(M, drop = {edge(embed, head(0, 0))}, to = zero), {0})[0, 0] < 1000
logits(ablate(M, drop = {edge(embed, embed)}, to = zero), {0})[0, 0] < 1000
logits(ablate(M, drop = {edge({embed}, unembed)}, to = zero), {0})[0, 0] < 1000
logits(ablate(M, drop = {edge(embed, unembed)[1]}, to = zero), {0})[0, 0] < 1000
logits(ablate(M, keep = {edge(embed, unembed)}, to = zero), {0})[0, 0] < 1000
logits(patch(M, edge(embed, unembed) = {{1, 2}}), {0})[0, 0] < 1000
logits(replace(M, "nothing" = {1}), {0})[0, 0] < 1000
logits(replace(M, "embed.W_E" = {1}), {0})[0, 0] < 1000
logits(replace(M, "embed.W_E" = W(M, "embed.W_E") / 3), {0})[0, 0] < 1000
logits(replace(M, "embed.W_E" = W(M, "embed.W_E"), "embed.W_E" = W(M, "embed.W_E")), {0})[0, 0] < 1000
logits(replace(patch(M, embed[0] = node(M, embed, {0})[0]), "embed.W_E" = W(M, "embed.W_E")), {0})[0, 0] < 1000
logits(replace(M, embed = W(M, "embed.W_E")), {0})[0, 0] < 1000
1 + (1 < 2) == 2
sum(3) == 3
len(3) == 1
1 and 2
""".strip().splitlines()

# texts of a claim (after `semantics`) that are no canonical statement
REFUSED = r"""
prove 1 + 1 == 2\x20
prove  1 + 1 == 2
prove 1+1 == 2
prove (1 + 1) == 2
prove ((1 < 2))
prove logits(ablate(M, drop = {(embed)}, to = zero), {0})[0, 0] < 1
prove logits(ablate(M, drop = {embed}, to = (zero)), {0})[0, 0] < 1
prove logits(ablate(M, drop = {embed}, to = mean  over tokens[1] of 0..1), {0})[0, 0] < 1
prove logits(ablate(M, drop = {embed}, to = any  over tokens[1] of 0..1), {0})[0, 0] < 1
prove logits(ablate(M, drop = {edge(embed, (unembed))}, to = zero), {0})[0, 0] < 1
prove logits(ablate(M, drop = {edge(embed, head(0, 0) .q)}, to = zero), {0})[0, 0] < 1
prove logits(ablate(M, drop = {edge(embed, head(0, 0).x)}, to = zero), {0})[0, 0] < 1
prove logits(ablate(M, drop = {embed}, to = zero, ln = live), {0})[0, 0] < 1
prove logits(ablate(M, drop = {embed}), {0})[0, 0] < 1
prove 2/4 < 1
prove 0.5 < 1
prove 1 / 2 < 1
prove 4/2 == 2
prove 2^-1 < 1
prove 01 == 1
prove +1 == 1
prove --1 == 1
prove -0 == 0
prove 1 =< 2
prove 1 < 2;
prove 1 < 2 and
prove a < 2
prove all{a < 2 : a in 0..1, a in 0..1}
prove all{any{a < 2 : a in 0..1} : a in 0..1}
prove all{max < 2 : max in 0..1}
prove all{last < 2 : last in 0..1}
prove all{number < 2 : number in 0..1}
prove all{all{a < 9 : a in 5..6} : a in 0..2}
prove all{a >= 0 : a in {a : a in 0..2}} and all{any{a == b : a in 0..2} : b in 0..1, a in 0..1}
prove all{M >= 0 : M in 0..2}
prove all{M >= 0 and W(M, "embed.W_E")[0, 0] < 1000 : M in 0..2}
forall last in 0..2\nprove {5, 6, 7}[last] == 5 + last
forall max in 0..2\nprove max >= 0
forall number in 0..2\nprove number >= 0
count number in 0..2 : number >= 1\nprove number >= 2
prove last < 2
prove number < 2
prove all{a < 2: a in 0..1}
prove all{a < 2 : a in 0 .. 1}
prove all{ a < 2 : a in 0..1 }
prove max{1,2} == 2
prove max(1,2) == 2
prove argmax{a : a in 0..1} == 1
prove exists a in 0..1: a < 2
prove if 1 < 2 then 1 < 2
prove 1 == if 1 < 2 then 1 else 2
prove 1 < 2 and exists a in 0..1 : a == 1
prove abs(1, 2) == 1
prove unknown(1) == 1
prove log(0) < 1
prove rank({1}) == 1
prove rank({{1}}, 1) == 1
prove a in 0..1
prove M < 1
prove logits(N, {0})[0, 0] < 1
prove "text" "text"
prove W(M, 'embed.W_E')[0, 0] < 1
Prove 1 < 2
prove 1 < 2\nprove 1 < 2
prove 1 < 2\nwithin 1
forall a in 0..1
forall a in 0..1\ncount b in 0..1 : a < b
forall a in 0..1 where a < 2 where a < 1\nprove a < 2
where 1 < 2\nprove 1 < 2
count a in 0..1 : a < 2\nwithin -1
count a in 0..1 : a < 2\nwithin 1 + 1
count a in 0..1 : a < 2\nprove fraction > 0\nwithin 1
count a in 0..1 : a < 2\nprove value > 0
minimize a in 0..1 : a\nprove number > 0
list a in 0..1 : a < 2 at most -1
list a in 0..1 : a < 2 at most 01
list a in 0..1 : a < 2\nwithin 1
count a in 0..1 where : a < 2
count a in tokens[0] of 0..1 : 1 < 2
count a in tokens[2] 0..1 : 1 < 2
count a in W : 1 < 2
""".strip().splitlines()


def one_claim(text, models):
    head = "weightproof-statement 1\n" + "".join("model %s %s\n" % m for m in models) + "semantics real\n"
    return head + text.replace("\\n", "\n").replace("\\x20", " ") + "\n"


def statement(predicate, sha256):
    return one_claim("prove " + predicate, [("M", sha256)] if "M," in predicate else [])


def refused(sha256):
    for text in REFUSED:
        yield text, one_claim(text, [("M", sha256)] if "M" in text else [])
    good = "prove W(M, \"embed.W_E\")[0, 0] < 1000"
    yield "unused model", one_claim("prove 1 < 2", [("M", sha256)])
    yield "missing model", one_claim(good, [])
    yield "model twice", one_claim(good, [("M", sha256), ("M", sha256)])
    yield "models out of order", one_claim(good + " and W(N, \"embed.W_E\")[0, 0] < 1000", [("N", sha256), ("M", sha256)])
    yield "upper case hash", one_claim(good, [("M", sha256.upper())])
    yield "short hash", one_claim(good, [("M", sha256[:-1])])
    yield "bad model name", one_claim("prove W(max, \"embed.W_E\")[0, 0] < 1000", [("max", sha256)])
    yield "data", one_claim(good, [("M", sha256)]).replace("semantics", "data X %s\nsemantics" % sha256)
    yield "semantics", one_claim(good, [("M", sha256)]).replace("semantics real", "semantics float64")
    yield "version", one_claim(good, [("M", sha256)]).replace("statement 1", "statement 2")
    yield "too deep", one_claim("prove " + "not " * 300 + "1 < 2", [])
    yield "too deep in parentheses", one_claim("prove " + "(" * 300 + "1" + ")" * 300 + " < 2", [])
    yield "too long a number", one_claim("prove 1 < 1" + "0" * 30000, [])


def bad_networks(text):
    """(defect, text) of networks that break one rule each; text is a causal network without LayerNorm."""
    def change(old, new, count=1):
        assert old in text, old
        return text.replace(old, new, count)
    lines = text.split("\n")
    first = next(i for i, x in enumerate(lines) if x.startswith("tensor "))
    row = lines[first + 1]
    yield "empty", "\n"
    yield "version", change("net 1", "net 2")
    yield "no vocabulary", change("tokens 3", "tokens 0")
    yield "leading zero", change("tokens 3", "tokens 03")
    yield "mask", change("mask causal", "mask some")
    yield "eps without layernorm", change("eps 0", "eps 0x1p-16")
    yield "negative eps", change("eps 0", "eps -0x1p-16")
    yield "two spaces", change("mask causal", "mask  causal")
    yield "trailing space", change("mask causal", "mask causal ")
    yield "blank line", change("mask causal\n", "mask causal\n\n")
    yield "carriage return", change("\n", "\r\n")
    yield "no end", change("end\n", "")
    yield "after the end", text + "end\n"
    yield "no last line end", text[:-1]
    yield "not ASCII", change("mask causal", "mask c\u00e4usal")
    yield "number missing", change(row, row.rsplit(" ", 1)[0])
    yield "number too many", change(row, row + " 0")
    for name, number in (("upper case", "0x1.Ap0"), ("trailing zero digit", "0x1.80p0"), ("plus", "0x1p+1"), ("decimal", "0.5"), ("two", "0x2p0"), ("zero", "-0"),
                         ("too large", "0x1p1024"), ("too small", "0x1p-1075"), ("too fine", "0x1.8p-1074"), ("14 digits", "0x1.00000000000001p0"),
                         ("exponent zero", "0x1p01"), ("minus zero exponent", "0x1p-0"), ("empty fraction", "0x1.p0"), ("nan", "nan")):
        yield "number: " + name, change(row, number + " " + row.split(" ", 1)[1])
    yield "dimension", change("tensor embed.W_E 3 3", "tensor embed.W_E 3 4")
    yield "four dimensions", change("tensor embed.W_E 3 3", "tensor embed.W_E 1 1 3 3")
    yield "no dimension", change("tensor embed.W_E 3 3", "tensor embed.W_E")
    yield "huge dimension", change("tensor embed.W_E 3 3", "tensor embed.W_E 2147483647 2147483647 3")
    yield "unsorted", change("tensor embed.W_E", "tensor zembed.W_E").replace(" embed.W_E", " zembed.W_E")
    yield "tensor twice", "\n".join(lines[:first] + lines[first:first + 4] + lines[first:])
    yield "unused tensor", "\n".join(lines[:first] + ["tensor a 1", "0"] + lines[first:])
    yield "bad name", change("tensor embed.W_E", "tensor 1embed.W_E").replace(" embed.W_E", " 1embed.W_E")
    yield "long name", text.replace("embed.W_E", "e" * 201)
    yield "unknown operation", change(" score ", " scores ")
    yield "later node", change("node hook_embed embed embed.W_E\n", "").replace("output", "node hook_embed embed embed.W_E\noutput")
    yield "node twice", change("node hook_embed embed embed.W_E\n", "node hook_embed embed embed.W_E\nnode hook_embed embed embed.W_E\n")
    yield "node called like a tensor", change("node hook_embed ", "node embed.W_E ").replace("hook_embed", "embed.W_E")
    yield "slice out of range", change("W_Q[0]", "W_Q[1]")
    yield "slice of a slice", change("W_Q[0]", "W_Q[0][0]")
    yield "no slice", change("W_Q[0]", "W_Q")
    yield "slice with a zero", change("W_Q[0]", "W_Q[00]")
    yield "score without d", text.replace(" blocks.0.attn.hook_k.0 2\n", " blocks.0.attn.hook_k.0\n")
    yield "score with 0", text.replace(" blocks.0.attn.hook_k.0 2\n", " blocks.0.attn.hook_k.0 0\n")
    yield "softmax of rows", change("softmax blocks.0.attn.hook_attn_scores.0", "softmax blocks.0.attn.hook_q.0")
    yield "mix of scores", change("mix blocks.0.attn.hook_pattern.0", "mix blocks.0.attn.hook_attn_scores.0")
    yield "relu of a pattern", change("output", "node x relu blocks.0.attn.hook_pattern.0\noutput")
    yield "output of a pattern", change("output logits", "output blocks.0.attn.hook_pattern.0")
    yield "unknown output", change("output logits", "output nothing")
    yield "output of a tensor", change("output logits", "output embed.W_E")
    yield "bias too long", change("unembed.W_U unembed.b_U", "unembed.W_U blocks.0.attn.b_Q[0]")
    yield "add of one", change("add hook_embed hook_pos_embed", "add hook_embed")
    yield "add of two widths", change("output", "node x add hook_embed blocks.0.attn.hook_q.0\noutput")
    yield "heads of a biased node", change("heads blocks.0.attn.hook_result.0", "heads logits blocks.0.attn.hook_result.0")
    yield "heads of no linear node", change("heads blocks.0.attn.hook_result.0", "heads hook_embed blocks.0.attn.hook_result.0")
    yield "position with few rows", change("tokens 3 3", "tokens 3 4")
    yield "embed with other rows", change("tokens 3 3", "tokens 4 3")


def sha256(text):
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
