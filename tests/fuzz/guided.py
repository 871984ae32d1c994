"""One target under atheris: guided by the coverage of litelift's own code.

python -m fuzz.guided TARGET FLAGS...   where the flags are libFuzzer's
"""

from __future__ import annotations

import shlex
import sys


def main(name: str, flags: list[str]) -> None:
    """Run until libFuzzer ends the process."""
    import atheris

    with atheris.instrument_imports(include=["litelift"]):
        import fuzz

        one, _ = fuzz.target(name)
    # libFuzzer starts itself again to merge, by a shell.
    atheris.Setup([f"{shlex.quote(sys.executable)} -m fuzz.guided {name}", *flags], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
