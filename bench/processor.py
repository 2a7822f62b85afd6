"""Processor time of what a script has started and waited for."""
import resource
import subprocess
import sys


def seconds():
    """So far: take the difference of two."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def of(*command, good=(0,)):
    """Of a command and of what it starts, and its output. An exit status that is not among the good ones ends the script."""
    before = seconds()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode not in good:
        sys.exit("%s\nexit status %d of %s" % (done.stdout, done.returncode, " ".join(command)))
    return seconds() - before, done.stdout
