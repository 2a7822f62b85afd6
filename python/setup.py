"""Builds the C library and the checker with the project's Makefile and puts them, with the libraries that they need, into the wheel.

The wheel needs no compiler and no library of the system but the C and C++ run times.
"""
import os
import re
import shutil
import subprocess
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:
    from wheel.bdist_wheel import bdist_wheel

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BUILD = os.environ.get("WEIGHTPROOF_BUILD", "build-python")
# The run times that every Linux has; bundling them would shadow newer ones that other packages need.
SYSTEM = re.compile(r"^(ld-linux.*|linux-vdso|lib(c|m|pthread|dl|rt|stdc\+\+|gcc_s))\.so")


def version():
    return re.search(r"^VERSION = (\S+)", (ROOT / "Makefile").read_text(), re.M).group(1)


def needed(binary):
    """Paths of the shared libraries that a binary loads, SYSTEM excepted."""
    lines = subprocess.run(["ldd", str(binary)], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    for line in lines:
        name, _, path = line.strip().partition(" => ")
        if not path or SYSTEM.match(name):
            continue
        if "not found" in path:
            raise SystemExit(f"cannot bundle {name}: not found; `make deps` installs what the build needs")
        yield name, path.split()[0]


def build_library(into):
    make = ["make", "-C", str(ROOT), f"BUILD={BUILD}", "CHECK_LDFLAGS=-Wl,--disable-new-dtags,-rpath,'$$ORIGIN'",
            f"{BUILD}/libweightproof.so", f"{BUILD}/weightproof-check"]
    subprocess.run(["make", "-C", str(ROOT), "deps"], check=True)
    subprocess.run(make[:1] + ["--no-print-directory", f"-j{os.cpu_count() or 1}"] + make[1:], check=True)
    into.mkdir(parents=True, exist_ok=True)
    for name in ("libweightproof.so", "weightproof-check"):
        shutil.copy2(ROOT / BUILD / name, into / name)
        for library, path in needed(ROOT / BUILD / name):
            shutil.copy2(path, into / library)


class Build(build_py):
    def run(self):
        super().run()
        if not self.editable_mode:
            build_library(Path(self.build_lib) / "weightproof" / "lib")
        else:
            build_library(HERE / "weightproof" / "lib")


class Wheel(bdist_wheel):
    """One wheel for every Python 3 of this platform."""

    def finalize_options(self):
        super().finalize_options()
        self.root_is_pure = False

    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


class Binary(Distribution):
    def has_ext_modules(self):
        return True


setup(version=version(), cmdclass={"build_py": Build, "bdist_wheel": Wheel}, distclass=Binary)
