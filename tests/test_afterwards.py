"""Of a test that is killed no server goes on, and no folder of a server stays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from broken import alive, wait_for

STARTS = """
import sys, tempfile
from pathlib import Path
from afterwards import goes
from litelift.postgres import embedded
folder = Path(tempfile.mkdtemp(prefix="litelift-after-"))
folder.chmod(0o755)
goes(folder)
server = embedded.start(folder / "pg16", 16)
print(folder, next(folder.rglob("postmaster.pid")).read_text().splitlines()[0], flush=True)
sys.stdin.read()
"""


def test_a_killed_process_takes_its_server_and_its_folder_along() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STARTS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent,
    )
    assert process.stdin and process.stdout
    folder, pid = process.stdout.readline().split()
    assert alive(int(pid)) and Path(folder).exists()
    process.kill()
    process.communicate()
    wait_for(lambda: not alive(int(pid)))
    wait_for(lambda: not Path(folder).exists())
