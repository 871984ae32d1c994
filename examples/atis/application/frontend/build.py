"""Builds the frontend: index.html, and its script named by what is in it.

Where the API is gets written into the script here, as bundlers do: from API_URL in the environment or in the file
frontend/.env. Empty is right in production: the address that the page came from.
"""

import argparse
import hashlib
import os
import shutil
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def api_url() -> str:
    """Where the API is, without a slash at the end."""
    lines = (FOLDER / ".env").read_text("utf-8").splitlines() if (FOLDER / ".env").exists() else []
    kept = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return os.environ.get("API_URL", kept.get("API_URL", "")).strip().rstrip("/")


def build(output: Path, api: str) -> Path:
    """Build into ``output``, which is replaced by one rename of each name; the script's path."""
    script = (FOLDER / "src" / "app.js").read_text("utf-8").replace("{{api}}", api)
    name = f"assets/app-{hashlib.sha256(script.encode()).hexdigest()[:10]}.js"
    new, old = (output.with_name(f"{output.name}.{state}") for state in ("new", "old"))
    shutil.rmtree(new, ignore_errors=True)
    (new / "assets").mkdir(parents=True)
    (new / name).write_text(script, "utf-8")
    page = (FOLDER / "src" / "index.html").read_text("utf-8").replace("{{script}}", name)
    (new / "index.html").write_text(page, "utf-8")
    shutil.rmtree(old, ignore_errors=True)
    if output.exists():
        output.rename(old)
    new.rename(output)
    shutil.rmtree(old, ignore_errors=True)
    return output / name


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path, help="the folder to build into")
    words = parser.parse_args()
    print(build(words.output.resolve(), api_url()))
