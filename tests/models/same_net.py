"""`weightproof convert` against the independent writer tests/make_net.py, byte for byte, on every model of examples/."""
import glob
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import make_net  # noqa: E402

program, passed, failed = os.path.join(sys.argv[1], "weightproof"), 0, 0
for path in sorted(glob.glob("examples/*.safetensors")):
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "a.net")
        done = subprocess.run([program, "convert", path, "-o", out], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        same = done.returncode == 0 and open(out).read() == make_net.net_text(*make_net.read(path))
        passed, failed = passed + same, failed + (not same)
        if not same:
            print("%s: convert (exit %d) and make_net differ\n%s" % (path, done.returncode, done.stdout.decode()))
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed > 0)
