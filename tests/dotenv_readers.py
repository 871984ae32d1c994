"""How the applications' own libraries read a .env file: each is asked itself."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path

import pytest
from dotenv import dotenv_values

PHPDOTENV = Path("/usr/share/php/Dotenv/autoload.php")

_PHP = """
require '%s';
$out = [];
foreach (json_decode(stream_get_contents(STDIN)) as $text) {
    try { $out[] = (object) Dotenv\\Dotenv::parse(base64_decode($text)); } catch (Throwable $e) { $out[] = null; }
}
echo json_encode($out, JSON_THROW_ON_ERROR);
"""

# dotenv 17.2 for Node, lib/main.js, parse(): BSD-2-Clause, Scott Motte.
_NODE = r"""
const KEY = /(?:^|^)\s*(?:export\s+)?([\w.-]+)(?:\s*=\s*?|:\s+?)/
const VALUE = /(\s*'(?:\\'|[^'])*'|\s*"(?:\\"|[^"])*"|\s*`(?:\\`|[^`])*`|[^#\r\n]+)?\s*(?:#.*)?(?:$|$)/
const LINE = new RegExp(KEY.source + VALUE.source, 'mg')
function parse (src) {
  const obj = {}
  let lines = src.toString().replace(/\r\n?/mg, '\n')
  let match
  while ((match = LINE.exec(lines)) != null) {
    const key = match[1]
    let value = (match[2] || '').trim()
    const maybeQuote = value[0]
    value = value.replace(/^(['"`])([\s\S]*)\1$/mg, '$2')
    if (maybeQuote === '"') { value = value.replace(/\\n/g, '\n').replace(/\\r/g, '\r') }
    obj[key] = value
  }
  return obj
}
const texts = JSON.parse(require('fs').readFileSync(0)).map(t => Buffer.from(t, 'base64').toString())
process.stdout.write(JSON.stringify(texts.map(t => READ(t))))
"""


def python_dotenv(texts: Sequence[str]) -> list[dict[str, str] | None]:
    """python-dotenv, in this process."""
    return [{k: v or "" for k, v in dotenv_values(stream=StringIO(text)).items()} for text in texts]


def node_dotenv(texts: Sequence[str]) -> list[dict[str, str] | None]:
    """dotenv for Node."""
    return _asked(["node", "-e", _NODE.replace("READ(t)", "parse(t)")], texts)


def node_itself(texts: Sequence[str]) -> list[dict[str, str] | None]:
    """Node's own --env-file, which is there since Node 20."""
    if subprocess.run(["node", "-e", "process.exit(require('util').parseEnv ? 0 : 1)"]).returncode:
        pytest.skip("this node has no util.parseEnv")
    return _asked(["node", "-e", _NODE.replace("READ(t)", "require('util').parseEnv(t)")], texts)


def phpdotenv(texts: Sequence[str]) -> list[dict[str, str] | None]:
    """phpdotenv, Laravel's; None for a text that it refuses."""
    return _asked(["php", "-r", _PHP % PHPDOTENV], texts)


def _asked(words: list[str], texts: Sequence[str]) -> list[dict[str, str] | None]:
    given = json.dumps([base64.b64encode(text.encode()).decode() for text in texts])
    done = subprocess.run(words, input=given, capture_output=True, text=True, check=True, timeout=60)
    found: list[dict[str, str] | None] = json.loads(done.stdout)
    return found


Reader = Callable[[Sequence[str]], list[dict[str, str] | None]]
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
needs_php = pytest.mark.skipif(
    shutil.which("php") is None or not PHPDOTENV.exists(), reason="there is no php-vlucas-phpdotenv"
)
READERS = [
    pytest.param(python_dotenv, id="python-dotenv"),
    pytest.param(node_dotenv, id="dotenv for Node", marks=needs_node),
    pytest.param(node_itself, id="node --env-file", marks=needs_node),
    pytest.param(phpdotenv, id="phpdotenv", marks=needs_php),
]
