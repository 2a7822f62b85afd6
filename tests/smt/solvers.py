"""What a solver says of a document: "sat", "unsat", "unknown", or "error ..."."""
import subprocess
import sys

CVC5 = """
import sys, cvc5 as c
tm = c.TermManager()
solver = c.Solver(tm)
parser = c.InputParser(solver)
parser.setFileInput(c.InputLanguage.SMT_LIB_2_6, sys.argv[1])
symbols, out = parser.getSymbolManager(), ""
while True:
    command = parser.nextCommand()
    if command.isNull():
        break
    out += command.invoke(solver, symbols)
print(out)
"""


def z3(program, path, seconds=10):
    p = subprocess.run([program, "-T:%d" % seconds, "rlimit=20000000", path], capture_output=True, text=True, timeout=60)
    word = p.stdout.split("\n")[0]
    return word if word in ("sat", "unsat") else "error " + p.stdout[:200] if "error" in p.stdout else "unknown"


def cvc5(path, seconds=10):
    """In a process of its own: cvc5 does not always keep a limit of time."""
    try:
        p = subprocess.run([sys.executable, "-c", CVC5, path], capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return "unknown"
    return (p.stdout.split() or ["unknown"])[0] if p.returncode == 0 else "error " + p.stderr[-200:]
