"""The health check page: what a built frontend still holds of a developer's machine is found, wherever it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from health_app import App, Reply, check_of, made, one, serving, to
from litelift.cutover.health.markup import read_page
from litelift.cutover.health.scripts import loaded_by, resolved, without_map

DEV = 'const api="http://localhost:8000/api";'


@pytest.fixture
def app() -> Iterator[App]:
    with serving() as app:
        yield app


def page(app: App, head: str, body: str = "<div id=app></div>") -> str:
    """Serve a page with this head; its address."""
    app.routes["/"] = Reply(f"<!doctype html><html><head>{head}</head><body>{body}</body></html>")
    return app.url()


def test_a_page_without_a_developers_address_passes(app: App, tmp_path: Path) -> None:
    url = page(app, '<script type="module" src="/assets/index-1.js"></script>')
    app.script("/assets/index-1.js", 'import{a}from"./vendor.js";fetch("/api/health")')
    app.script("/assets/vendor.js", "export const a=1; // localhost is no address without a port")
    result = one(tmp_path, kind="page", url=url)
    assert result.ok, result
    assert result.found == "status 200, 2 scripts looked into"


def test_a_developers_address_two_imports_deep_is_found_with_its_file_and_place(app: App, tmp_path: Path) -> None:
    url = page(app, '<script type="module" crossorigin src="/assets/index-1.js"></script>')
    app.script("/assets/index-1.js", 'import{r as a}from"./router-2.js";a()')
    app.script("/assets/router-2.js", 'export const r=()=>import("./Surveys-3.js");')
    app.script("/assets/Surveys-3.js", f'import "./index-1.js";\nconst x=1;{DEV}')
    result = one(tmp_path, kind="page", url=url)
    assert not result.ok
    assert result.expected == "no 'localhost:' and no '127.0.0.1:'"
    place = f'{app.url("/assets/Surveys-3.js")} 2:29: ...; const x=1;const api="http://localhost:8000/api";'
    assert result.got == place
    assert sorted(app.paths()) == sorted({"/", *(f"/assets/{n}.js" for n in ("index-1", "router-2", "Surveys-3"))})


@pytest.mark.parametrize(
    ("head", "script"),
    [
        ('<script src="a.js"></script>', ""),
        ("<SCRIPT SRC=a.js defer></SCRIPT>", ""),
        ('<script type="text/javascript" src=" a.js "/></script>', ""),
        ('<link rel="modulepreload" href="/a.js">', ""),
        ('<link rel="preload" as="script" href="/a.js">', ""),
        ('<base href="/deep/"><script src="../a.js"></script>', ""),
        ('<script type="module">import x from "./a.js"</script>', ""),
        ('<script>import("/a.js").then(go)</script>', ""),
        (
            '<script type="importmap">{"imports":{"app/":"/"}}</script><script type=module>import "app/a.js"</script>',
            "",
        ),
        ("<script src=b.js></script>", "import*as x from'./a.js'"),
        ("<script src=b.js></script>", 'import d,{c as e}from"./a.js";'),
        ("<script src=b.js></script>", 'export*from"./a.js"'),
        ("<script src=b.js></script>", "export {\n  one,\n  two\n} from './a.js'"),
        ("<script src=b.js></script>", "x=()=>import(/* @vite-ignore */ `./a.js`)"),
        ("<script src=b.js></script>", 'new Worker(new URL("./a.js",import.meta.url),{type:"module"})'),
        ("<script src=b.js></script>", 'importScripts("a.js" )'.replace("a.js", "/a.js")),
        ("<script src=b.js></script>", 'import "./a.js?v=3#x"'),
    ],
)
def test_every_way_to_load_a_script_is_followed(app: App, tmp_path: Path, head: str, script: str) -> None:
    url = page(app, head)
    app.script("/a.js", DEV)
    app.script("/b.js", script)
    result = one(tmp_path, kind="page", url=url)
    assert f"{app.url('/a.js')}" in str(result.got), result


@pytest.mark.parametrize(
    "where", ["<!-- http://127.0.0.1:5173/@vite/client -->", "<a onclick=\"go('localhost:3000')\">"]
)
def test_the_page_itself_is_looked_into(app: App, tmp_path: Path, where: str) -> None:
    result = one(tmp_path, kind="page", url=page(app, "", where))
    assert f"{app.url()} 1:" in str(result.got)


def test_the_pages_own_host_and_port_is_no_trespass(app: App, tmp_path: Path) -> None:
    url = page(app, f"<link rel=canonical href={app.url('/')}><script src=a.js></script>")
    app.script("/a.js", f'const api="{app.url("/api")}"')
    assert one(tmp_path, kind="page", url=url).ok
    assert one(tmp_path, kind="page", url=url, absent=["http://127.0.0.1:"]).ok
    app.script("/a.js", f'const api="{app.url("/api")}",old="http://127.0.0.1:{app.port}0/"')
    assert "1:" in str(one(tmp_path, kind="page", url=url).got)
    app.script("/a.js", f'const api="http://localhost:{app.port}/api"')
    assert not one(tmp_path, kind="page", url=url).ok
    app.routes["/from"] = to(f"http://localhost:{app.port}/")
    assert one(tmp_path, kind="page", url=app.url("/from")).ok


def test_source_maps_are_not_looked_into(app: App, tmp_path: Path) -> None:
    url = page(app, "<script src=a.js></script>")
    app.script("/a.js", "go()\n//# sourceMappingURL=http://localhost:8000/a.js.map")
    app.routes["/a.js.map"] = Reply(DEV)
    assert one(tmp_path, kind="page", url=url).ok
    assert app.paths() == ["/", "/a.js"]


def test_scripts_of_other_origins_are_counted_and_looked_into_only_where_they_are_named(
    app: App, tmp_path: Path
) -> None:
    with serving() as other:
        other.script("/a.js", DEV)
        url = page(app, f"<script src={other.url('/a.js')}></script>")
        result, named = made(
            tmp_path,
            check_of(name="a", kind="page", url=url, absent=["localhost:"]),
            check_of(
                name="b",
                kind="page",
                url=url,
                absent=["localhost:"],
                origins=[other.url()],
                headers={"X-Own": "for-home-only"},
            ),
            headers={"X-Bypass": "let-me-in-now"},
        )
    assert result.ok
    assert "not those of 127.0.0.1" in result.found
    assert not named.ok
    assert len(other.seen) == 1
    assert not {"x-bypass", "x-own"} & set(other.seen[0].headers)


def test_a_script_that_the_page_names_and_nobody_serves_fails(app: App, tmp_path: Path) -> None:
    url = page(app, "<script src=gone.js></script>")
    result = one(tmp_path, kind="page", url=url)
    assert result.found == f"expected the script {app.url('/gone.js')} of the page; got status 404"
    app.routes["/gone.js"] = Reply("<!doctype html><title>App</title>")
    assert one(tmp_path, kind="page", url=url).got == "a page of HTML"


def test_an_import_that_nobody_serves_is_counted(app: App, tmp_path: Path) -> None:
    url = page(app, "<script src=a.js></script>")
    app.script("/a.js", 'const help=`write import("./plugin.js")`; import "vue"')
    result = one(tmp_path, kind="page", url=url)
    assert result.ok
    assert f"1 import without an answer: {app.url('/plugin.js')} (status 404)" in result.found


def test_text_may_be_in_the_page_or_in_a_script(app: App, tmp_path: Path) -> None:
    url = page(app, "<title>ATİS</title><script src=a.js></script>", "Xo&#351;")
    app.script("/a.js", 'const t="Şagirdlər"')
    assert one(tmp_path, kind="page", url=url, present=["ATİS", "Şagirdlər", "Xoş"]).ok
    result = one(tmp_path, kind="page", url=url, present=["Müəllimlər"])
    assert result.found == "expected the text 'Müəllimlər'; got status 200, 1 script looked into: none has it"
    assert one(tmp_path, kind="page", url=url, present=["Şagirdlər"], scripts=False).ok is False


def test_a_page_with_more_scripts_than_are_looked_into_fails(app: App, tmp_path: Path) -> None:
    url = page(app, "".join(f"<script src={n}.js></script>" for n in range(4)))
    for n in range(4):
        app.script(f"/{n}.js", "")
    assert one(tmp_path, kind="page", url=url, max_scripts=4).ok
    assert "at most 3 scripts (max_scripts)" in one(tmp_path, kind="page", url=url, max_scripts=3).found


def test_many_places_are_told_by_the_first(app: App, tmp_path: Path) -> None:
    result = one(tmp_path, kind="page", url=page(app, f"<script>{DEV * 9}</script>"))
    assert str(result.got).count("localhost:8000") >= 5
    assert str(result.got).endswith("; and 4 more")


def test_a_page_about_an_error_and_another_status_fail(app: App, tmp_path: Path) -> None:
    app.routes["/"] = Reply("<title>Action Controller: Exception caught</title>", 500)
    assert "Rails' debug page" in str(one(tmp_path, kind="page", url=app.url()).got)
    assert "404" in str(one(tmp_path, kind="page", url=app.url("/x")).got)


@pytest.mark.parametrize(
    "text",
    [
        "const important='./a.js'",
        "obj.import('./a.js')",
        "x.from './a.js'",
        "import(`./${name}.js`)",
        "import(variable)",
        "new URL('./a.png', import.meta.url)",
    ],
)
def test_what_loads_no_script_by_a_literal_is_left(text: str) -> None:
    assert list(loaded_by(text)) == []


def test_a_name_without_a_place_leads_nowhere() -> None:
    base = "https://host/assets/a.js"
    assert resolved("vue", base, {}, base) is None
    assert resolved("vue", base, {"vue": "./vue.js"}, "https://host/") == "https://host/vue.js"
    assert resolved("data:text/javascript,1", base, {}, base) is None
    assert resolved("http://[broken/x.js", base, {}, base) is None
    assert len(without_map("a//# sourceMappingURL=b")) == len("a//# sourceMappingURL=b")


def test_broken_html_is_read_as_far_as_it_goes() -> None:
    found = read_page("<title>a</title><script src=x.js></script><![weird stuff]]><form><input name=a><p")
    assert found.title == "a"
    assert found.scripts == ["x.js"]


def test_a_script_of_imports_alone_is_read_in_linear_time() -> None:
    assert list(loaded_by("import a " * 100_000)) == []
