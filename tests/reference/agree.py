"""Both checkers on the golden set and its mutations: equal verdicts and exit statuses, and the truth by brute force.

    python3 tests/reference/agree.py [--checker build/weightproof-check] [--prover build/weightproof | --no-prover] [--only TEXT] [--keep DIR] [--seed N] [--nets N] [--mutations N]

Without --checker only the reference runs. Ends with a line `N passed, N failed`.
"""
import argparse
import contextlib
import io
import os
import random
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "proofs", "reference")]
import attacks                                        # noqa: E402
import check                                          # noqa: E402
import network                                        # noqa: E402
import op_claims                                      # noqa: E402
import random_claims                                  # noqa: E402
import real_inputs                                    # noqa: E402
import statements                                     # noqa: E402
from claims import certificate, fields, oracle, seal  # noqa: E402
from executions import failures, naive               # noqa: E402
from golden import claims, field_changes, statement_changes  # noqa: E402
from nets import transformer                         # noqa: E402
from printer import show_statement                    # noqa: E402
from statement import StatementError, parse_statement  # noqa: E402

BATCH = 40
PROVER_CERTIFICATES = 31                               # of the claims in prover.claims


def written(claim):
    """The statement of a claim as the reference's canonical printer writes it."""
    text = claim.text()
    try:
        return show_statement(parse_statement(text))
    except StatementError as why:
        raise SystemExit("the test wrote a statement that does not parse: %s\n%s" % (why, text))


def broken(text):
    """Certificates with damaged bytes: never accepted."""
    body = text[:text.rindex("sha256 ")]
    yield "truncated", text[:len(text) // 2]
    yield "no-last-line", body
    yield "no-line-end", text[:-1]
    yield "trailing", text + "end\n"
    yield "hash", text[:-3] + ("0" if text[-3] != "0" else "1") + text[-2:]
    yield "unsealed", text.replace("rule ", "rule  ", 1)
    yield "spaces", seal(body.replace("rule ", "rule  ", 1))
    yield "version", seal(body.replace("weightproof-certificate 1", "weightproof-certificate 2"))
    yield "unknown-rule", seal(body.replace("\nrule ", "\nrule un"))
    yield "unknown-verdict", seal(body.replace("\nverdict ", "\nverdict un"))
    yield "blank", seal(body.replace("\nend\n", "\n\nend\n"))
    yield "carriage", seal(body.replace("\nend\n", "\r\nend\n"))
    yield "not-canonical", seal(body.replace("| prove ", "| prove  ") if "| prove " in body else body.replace(" : ", ":", 1))
    yield "other-line", seal(body.replace("\nend\n", "\nwitness -\nend\n"))
    yield "not-a-statement", seal(body.replace("| semantics real\n", "").replace("| semantics float32\n", ""))


class Tally:
    def __init__(self, folder, checker):
        self.folder, self.checker, self.cases, self.passed, self.failed, self.skipped = folder, checker, [], 0, 0, 0

    def case(self, name, text, expected):
        """expected: True, False, or None when both need only agree."""
        path = os.path.join(self.folder, "%05d.cert" % len(self.cases))
        with open(path, "w", newline="") as f:
            f.write(text)
        self.cases.append((name, path, expected))

    def network(self, net):
        path = os.path.join(self.folder, net.sha256()[:16] + ".net")
        if not os.path.exists(path):
            with open(path, "w") as f:
                f.write(net.text())

    def fail(self, name, path, message):
        self.failed += 1
        print("FAIL %s (%s): %s" % (name, os.path.basename(path), message))

    def run(self):
        answers = reference([p for _, p, _ in self.cases])
        others = foreign(self.checker, [p for _, p, _ in self.cases], answers) if self.checker else answers
        for (name, path, expected), ours, theirs in zip(self.cases, answers, others):
            if name.endswith("+rule-separable") and ours[1] == 0 and "rule separable does not take this claim" in theirs[0]:
                self.passed += 1     # the reference evaluates every binding of a changed network, whatever its shape
                continue
            if ours[1] != theirs[1] or ours[0].split(" ")[0] != theirs[0].split(" ")[0] or (ours[1] == 0 and ours[0] != theirs[0]):
                self.fail(name, path, "reference says '%s' (%d), the checker '%s' (%d)" % (ours + theirs))
            elif expected is not None and (ours[1] == 0) != expected:
                self.fail(name, path, "expected %s: '%s'" % ("accepted" if expected else "rejected", ours[0]))
            else:
                self.passed += 1


def reference(paths):
    """(line, exit status) of each certificate by the reference, in this process."""
    out, folders = [], check.Folders()
    for path in paths:
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            status = check.examine(path, [], folders, None, True)
        out.append((text.getvalue().strip(), status))
    return out


def call(checker, paths):
    """(first lines of the answers, exit status)"""
    done = subprocess.run([checker, "--quiet"] + paths, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    lines = done.stdout.decode("utf-8", "replace").strip().splitlines()
    return [" ".join(x.split(" ")[:4]) if x.startswith("accepted ") else x for x in lines], done.returncode  # without the file's name


def foreign(checker, paths, answers):
    """The same by another checker. Certificates on which the reference has one exit status are given to it in batches,
    and one by one where the batch does not answer alike."""
    out = {}
    for status in (0, 1):
        group = [(p, a) for p, a in zip(paths, answers) if a[1] == status]
        for start in range(0, len(group), BATCH):
            batch = group[start:start + BATCH]
            lines, code = call(checker, [p for p, _ in batch])
            if code == status and [x.split(" ")[0] for x in lines] == [a[0].split(" ")[0] for _, a in batch]:
                out.update({p: (line, status) for (p, _), line in zip(batch, lines)})
    for path in paths:
        if path not in out:
            lines, code = call(checker, [path])
            out[path] = (lines[0] if lines else "", code)
    return [out[p] for p in paths]


def add_claim(tally, name, claim, rng, most):
    for _, net in claim.models:
        tally.network(net)
    for rule in ("enumerate", "separable", "count") if claim.separable and claim.kind == "count" else ("enumerate", "separable") if claim.separable else ("enumerate",):
        f = fields(claim, rule)
        if f is None:
            tally.skipped += 1
            continue
        label, statement = "%s/%s" % (name, rule), written(claim)
        text = certificate(claim, f, statement)
        tally.case(label, text, oracle(claim, f))
        changes = [(label + "+" + x, certificate(claim, g, statement), oracle(claim, g)) for x, g in field_changes(f)]
        for x, other in statement_changes(claim):
            changes.append((label + "+" + x, certificate(other, f, written(other)), oracle(other, f)))
        changes += [(label + "+" + x, damaged, False if damaged != text else True) for x, damaged in broken(text)]
        one = statement.replace(claim.models[0][1].sha256(), "0" * 64)
        changes.append((label + "+no-net", certificate(claim, f, one), False))
        rng.shuffle(changes)
        for change in changes[:most]:
            tally.case(*change)


def bare(statement, verdict):
    """A certificate of a closed claim."""
    body = "weightproof-certificate 1\nstatement\n" + "".join("| %s\n" % x for x in statement.splitlines())
    return seal(body + "verdict %s\n%srule enumerate\nend\n" % (verdict, "witness -\n" if verdict == "proved" else ""))


def add_language(tally):
    """Closed claims, texts and networks of statements.py."""
    net = transformer(1, d_vocab=3, n_ctx=3, d_model=3)
    tally.network(net)
    for truth, predicates in ((True, statements.TRUE), (None, statements.MEANINGLESS)):
        for predicate in predicates:
            text = statements.statement(predicate, net.sha256())
            tally.case("language: " + predicate, bare(text, "proved"), truth or False)
            tally.case("language, refuted: " + predicate, bare(text, "refuted"), False)
    for name, text in statements.refused(net.sha256()):
        tally.case("refused: " + name, bare(text, "proved"), False)
    good = 'prove W(M, "embed.W_E")[0, 0] < 1000'
    tally.case("good network", bare(statements.one_claim(good, [("M", net.sha256())]), "proved"), True)
    for name, text in list(statements.bad_networks(net.text())) + list(op_claims.bad_networks()):
        digest = statements.sha256(text)
        with open(os.path.join(tally.folder, digest[:16] + ".net"), "w", encoding="utf-8", newline="") as f:
            f.write(text)
        tally.case("network: " + name, bare(statements.one_claim(good, [("M", digest)]), "proved"), False)


def add_attacks(tally):
    for name, text, net, expected in list(attacks.cases()) + list(op_claims.undefined()):
        if net:
            tally.network(net)
        tally.case("attack: " + name, text, expected)


def add_data(tally):
    """Data arrays and a network of real inputs."""
    for name, text, files, expected in real_inputs.cases():
        for ending, content in ((x[-4:], y) for x, y in files.items()):
            path = os.path.join(tally.folder, real_inputs.sha256(content)[:16] + ending)
            if not os.path.exists(path):
                with open(path, "w", newline="") as f:
                    f.write(content)
        tally.case(name, text, expected)


def add_random(tally, seed, count):
    """Random closed claims, proved and refuted: at most one of the two is accepted, and by both checkers."""
    net = transformer(1, d_vocab=3, n_ctx=3, d_model=3)
    tally.network(net)
    for k, predicate in enumerate(random_claims.predicates(seed, count)):
        try:
            text = show_statement(parse_statement(statements.statement(predicate, net.sha256())))
        except StatementError:
            continue
        for verdict in ("proved", "refuted"):
            tally.case("random %d %s: %s" % (k, verdict, predicate), bare(text, verdict), None)


def add_prover(tally, prover):
    """The program's own certificates of prover.claims, and what they say turned round."""
    out = os.path.join(tally.folder, "prover")
    done = subprocess.run([prover, "verify", os.path.join(HERE, "prover.claims"), "--certificates", out, "--quiet"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    names = sorted(x for x in os.listdir(out) if x.endswith(".cert")) if os.path.isdir(out) else []
    if len(names) != PROVER_CERTIFICATES:
        tally.fail("prover.claims", out, "%d certificates instead of %d: %s" % (len(names), PROVER_CERTIFICATES, done.stdout.decode()[-400:]))
    for name in names:
        with open(os.path.join(out, name)) as f:
            text = f.read()
        tally.cases.append(("prover: " + name, os.path.join(out, name), True))
        body = text[:text.rindex("sha256 ")]
        verdict = re.search("\nverdict (.*)\n", body).group(1)
        turned = body.replace("\nverdict " + verdict, "\nverdict " + {"proved": "refuted", "refuted": "proved", "bounded": "vacuous", "vacuous": "proved"}[verdict])
        path = os.path.join(out, name + ".turned")
        with open(path, "w") as f:
            f.write(seal(turned))
        tally.cases.append(("prover, turned round: " + name, path, False))


def add_executions(tally):
    for what, (seen, outside) in (("float32 executions", failures(check.read_net, network)), ("plain doubles", naive(check.read_net, network))):
        for x in outside[:5]:
            tally.fail(what, "", x)
        tally.passed += not outside
        print("%d values of %s, %d outside" % (seen, what, len(outside)))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--checker")
    p.add_argument("--only", default="")
    p.add_argument("--keep")
    p.add_argument("--seed", type=int, default=1, help="which mutations")
    p.add_argument("--nets", type=int, default=0, help="other random networks")
    p.add_argument("--mutations", type=int, default=4)
    p.add_argument("--random", type=int, default=250, help="random closed claims")
    p.add_argument("--prover", help="the program; weightproof beside the checker unless --no-prover")
    p.add_argument("--no-prover", action="store_true")
    a = p.parse_args()
    prover = a.prover or (os.path.join(os.path.dirname(a.checker) or ".", "weightproof") if a.checker else None)
    rng = random.Random(a.seed)
    with contextlib.ExitStack() as stack:
        folder = a.keep or stack.enter_context(tempfile.TemporaryDirectory())
        os.makedirs(folder, exist_ok=True)
        tally = Tally(folder, a.checker)
        for name, claim in claims(1000 * a.nets):
            if a.only in name:
                add_claim(tally, name, claim, rng, a.mutations)
        for name, claim in op_claims.golden(1000 * a.nets):
            if a.only in name:
                add_claim(tally, name, claim, rng, 0 if ".node." in name else a.mutations // 2)
        if a.only in "language":
            add_language(tally)
        if a.only in "attacks":
            add_attacks(tally)
        if a.only in "data":
            add_data(tally)
        if a.only in "random":
            add_random(tally, a.seed, a.random)
        if a.only in "executions":
            add_executions(tally)
        if prover and not a.no_prover and a.only in "prover":
            add_prover(tally, prover)
        tally.run()
    print("%d certificates, %d claims too close to call in doubles" % (len(tally.cases), tally.skipped))
    print("%d passed, %d failed" % (tally.passed, tally.failed))
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main())
