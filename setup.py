"""The compiled hot path, which is left out where it cannot be built; all else is in pyproject.toml."""

import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup

SOURCES = Path("src/litelift/native")
FLAGS = [] if sys.platform == "win32" else ["-std=c11", "-O3", "-fvisibility=hidden", "-Wall", "-Wextra"]

native = Extension(
    "litelift._native",
    sources=sorted(str(path) for path in SOURCES.glob("*.c")),
    depends=sorted(str(path) for path in SOURCES.glob("*.h")),
    define_macros=[("Py_LIMITED_API", "0x030b0000")],
    extra_compile_args=FLAGS,
    libraries=[] if sys.platform == "win32" else ["m"],
    py_limited_api=True,
    optional=True,
)

# The stable ABI is CPython's, and not that of its free-threaded builds.
stable = sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED")

setup(
    ext_modules=[native] if stable else [],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if stable else {},
)
