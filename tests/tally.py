"""What test scripts share: a count of what holds, programs that are run, the closing line."""
import subprocess
import sys

passed = failed = 0


def check(good, what):
    """Counts; says what does not hold."""
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print("FAILED " + what)


def run(*command, timeout=600, **how):
    """(exit status, all output). how: of subprocess.run."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, **how)
    return done.returncode, done.stdout + done.stderr


def finish():
    """Closes with `N passed, N failed`."""
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(failed != 0)
