"""Golden command-line tests. A .t file holds cases:

    # comment
    $ command              run by sh from the repository root; $T is a scratch folder of the file, programs are found by PATH
    > a line of standard output
    ! a line of standard error
    ? exit status

Times are masked (`1.23 s` is `# s`), the scratch folder is `$T`. In an expected line `...` stands for any text.
With --update the files are rewritten with what the commands print.
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

LIMIT = 120
LANES = {">": "stdout", "!": "stderr"}


def cases(path):
    """(lines before, command, stdout, stderr, status) of every case."""
    before, case = [], None
    for line in open(path, encoding="utf-8").read().split("\n"):
        if line.startswith("$ "):
            if case:
                yield case
            case, before = {"before": before, "command": line[2:], "stdout": [], "stderr": [], "status": 0}, []
        elif case and line[:1] in LANES:
            case[LANES[line[0]]].append(line[2:])
        elif case and line.startswith("? "):
            case["status"] = int(line[2:])
        else:
            before.append(line)
    if case:
        yield case


def mask(text, scratch):
    text = text.replace(scratch, "$T")
    return re.sub(r"\b\d+\.\d+ s\b", "# s", text)


def run(command, build, scratch):
    env = dict(os.environ, T=scratch, TMPDIR=scratch, PATH=os.path.abspath(build) + ":" + os.environ["PATH"], LC_ALL="C.UTF-8",
               OMP_NUM_THREADS="2")
    p = subprocess.run(["sh", "-c", command], stdin=subprocess.DEVNULL, capture_output=True, env=env, timeout=LIMIT)
    out = [mask(s.decode("utf-8", "replace"), scratch).split("\n") for s in (p.stdout, p.stderr)]
    return [lines[:-1] if lines[-1] == "" else lines for lines in out], p.returncode


def same(expected, got):
    if len(expected) != len(got):
        return False
    return all(re.fullmatch(".*".join(map(re.escape, e.split("..."))), g) for e, g in zip(expected, got))


def check(case, build, scratch):
    try:
        (out, err), status = run(case["command"], build, scratch)
    except subprocess.TimeoutExpired:
        return ["no end after %d s" % LIMIT], [], [], -1
    wrong = []
    if not same(case["stdout"], out):
        wrong.append("standard output differs")
    if not same(case["stderr"], err):
        wrong.append("standard error differs")
    if status != case["status"]:
        wrong.append("exit status %d, not %d" % (status, case["status"]))
    return wrong, out, err, status


def write(path, kept):
    with open(path, "w", encoding="utf-8") as f:
        for case, out, err, status in kept:
            head = "\n".join(case["before"]).strip("\n")
            f.write(("\n" if f.tell() else "") + (head + "\n" if head else "") + "$ " + case["command"] + "\n")
            f.writelines("> " + line + "\n" for line in out)
            f.writelines("! " + line + "\n" for line in err)
            f.write("? %d\n" % status)


def main():
    build = sys.argv[1]
    update = "--update" in sys.argv
    files = [a for a in sys.argv[2:] if a.endswith(".t")] or sorted(glob.glob("tests/cli/*.t"))
    passed = failed = 0
    for path in files:
        scratch, kept = tempfile.mkdtemp(prefix="cli-"), []
        for case in cases(path):
            wrong, out, err, status = check(case, build, scratch)
            if update and wrong:
                kept.append((case, out, err, status))
                continue
            kept.append((case, case["stdout"], case["stderr"], case["status"]))
            passed, failed = passed + (not wrong), failed + bool(wrong)
            if wrong:
                print("%s: $ %s\n  %s" % (path, case["command"], "; ".join(wrong)))
                print("\n".join(["  > " + line for line in out] + ["  ! " + line for line in err]))
        shutil.rmtree(scratch, ignore_errors=True)
        if update:
            write(path, kept)
    for script in ("judge.py", "session.py") if len(sys.argv) == 2 else ():
        output = subprocess.run([sys.executable, "tests/cli/" + script, build], stdout=subprocess.PIPE).stdout.decode()
        sys.stdout.write(output)
        m = re.search(r"^(\d+) good, (\d+) bad", output, re.M)
        passed, failed = passed + (int(m[1]) if m else 0), failed + (int(m[2]) if m else 1)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


sys.exit(main())
