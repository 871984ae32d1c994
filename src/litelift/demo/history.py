"""The rows of the tables that only ever grow (sessions, activity log, audit log), made one by one and kept nowhere."""

from __future__ import annotations

import base64
import datetime as dt
import random
from collections.abc import Callable, Iterator, Sequence

from litelift.demo import words
from litelift.demo.makers import EPOCH, MORPHS, MOVE, START, php_json, stamp, uuid4
from litelift.sqlite.schema import Value

Keys = dict[str, Sequence[int]]
_MODELS = tuple(MORPHS)
_EVENTS = ("created", "updated", "updated", "updated", "deleted")
_DESCRIPTIONS = {"created": "yaradıldı", "updated": "yeniləndi", "deleted": "silindi"}
_FIELDS = ("başlıq", "qeyd", "status", "ünvan", "məsul şəxs", "nəticə", "səbəb", "təsvir", "göstərici", "bölmə")


def _born(rng: random.Random, n: int, rows: int) -> dt.datetime:
    return START + (MOVE - START) * ((n + rng.random()) / rows)


def _fragments(rng: random.Random) -> list[str]:
    """Members of JSON objects, as PHP writes them, for the images of a row before and after."""
    made = []
    for number in range(600):
        entry = {
            f"{rng.choice(_FIELDS)}_{number}": rng.choice(words.SENTENCES),
            f"say_{number}": rng.randint(0, 99999) / 100,
        }
        made.append(php_json(entry)[1:-1])
    return made


def _image(rng: random.Random, fragments: list[str], key: int, moment: str, members: int) -> str:
    mark = rng.getrandbits(64)
    middle = ",".join(rng.choices(fragments, k=members))
    return f'{{"id":{key},"checksum":"{mark:016x}",{middle},"updated_at":"{moment}"}}'


def audit_logs(rng: random.Random, rows: int, keys: Keys) -> Iterator[tuple[Value, ...]]:
    """Rows of audit_logs: a user's change of a model, with the whole row before and after it."""
    fragments = _fragments(rng)
    users = keys["users"]
    for n in range(rows):
        moment = stamp(_born(rng, n, rows))
        event, model = rng.choice(_EVENTS), rng.choice(_MODELS)
        key = rng.choice(keys[MORPHS[model]])
        old = None if event == "created" else _image(rng, fragments, key, moment, 9)
        new = None if event == "deleted" else _image(rng, fragments, key, moment, 9)
        url = f"https://atis.example.az/api/{MORPHS[model]}/{key}"
        ip = f"10.12.{rng.randint(0, 31)}.{rng.randint(2, 254)}"
        user = rng.choice(users) if rng.random() < 0.95 else None
        yield (
            n + 1,
            user,
            event,
            f"App\\Models\\{model}",
            key,
            old,
            new,
            url,
            ip,
            rng.choice(words.AGENTS),
            None,
            moment,
            moment,
        )


def activity_log(rng: random.Random, rows: int, keys: Keys) -> Iterator[tuple[Value, ...]]:
    """Rows of activity_log, as spatie/laravel-activitylog writes them."""
    fragments = _fragments(rng)
    users = keys["users"]
    for n in range(rows):
        moment = stamp(_born(rng, n, rows))
        event, model = rng.choice(_EVENTS), rng.choice(_MODELS)
        key = rng.choice(keys[MORPHS[model]])
        properties = f'{{"attributes":{_image(rng, fragments, key, moment, 5)},"old":{{"id":{key}}}}}'
        log = rng.choice(("default", "default", "system", None))
        causer = rng.choice(users) if rng.random() < 0.9 else None
        batch = uuid4(rng) if n % 11 == 0 else None
        kind = None if causer is None else "App\\Models\\User"
        subject = f"App\\Models\\{model}"
        yield (n + 1, log, _DESCRIPTIONS[event], subject, key, event, kind, causer, properties, batch, moment, moment)


def _php(text: str) -> str:
    return f's:{len(text.encode())}:"{text}";'


def sessions(rng: random.Random, rows: int, keys: Keys) -> Iterator[tuple[Value, ...]]:
    """Rows of sessions: Laravel's database driver, the payload a serialized PHP array in base64."""
    users = keys["users"]
    fragments = [_php(f"{rng.choice(_FIELDS)}_{number}") + _php(rng.choice(words.SENTENCES)) for number in range(400)]
    login = _php("login_web_59ba36addc2b2f9401580f014c7f58ea4e30989d")
    for n in range(rows):
        born = _born(rng, n, rows)
        user = rng.choice(users) if rng.random() < 0.8 else None
        token, page = (
            f"{rng.getrandbits(160):040x}",
            f"https://atis.example.az/{MORPHS[rng.choice(_MODELS)]}?page={rng.randint(1, 90)}",
        )
        form = "".join(rng.choices(fragments, k=12))
        payload = (
            f'a:5:{{s:6:"_token";{_php(token)}s:9:"_previous";a:1:{{s:3:"url";{_php(page)}}}'
            f's:6:"_flash";a:2:{{s:3:"old";a:0:{{}}s:3:"new";a:0:{{}}}}s:10:"_old_input";a:12:{{{form}}}'
            f"{login}{'N;' if user is None else f'i:{user};'}}}"
        )
        yield (
            f"{rng.getrandbits(160):040x}",
            user,
            f"10.12.{rng.randint(0, 31)}.{rng.randint(2, 254)}",
            rng.choice(words.AGENTS),
            base64.b64encode(payload.encode()).decode("ascii"),
            int((born - EPOCH).total_seconds()),
        )


WRITERS: dict[str, Callable[[random.Random, int, Keys], Iterator[tuple[Value, ...]]]] = {
    "sessions": sessions,
    "activity_log": activity_log,
    "audit_logs": audit_logs,
}
