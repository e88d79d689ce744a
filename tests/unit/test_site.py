"""The page as served: the same code as in `web/`, kept for good, never mixed."""

import gzip
from pathlib import Path

import pytest

from immich_drop.site import Site

INDEX = """<!doctype html>
<head><link rel="stylesheet" href="style.css">
<link rel="manifest" href="manifest.webmanifest">
<script type="module" src="js/main.js"></script></head>
<a href="js/main.js">not a script</a>
"""

DOOR = """<!doctype html>
<head><link rel="stylesheet" href="style.css">
<script type="module" src="js/door.js"></script></head>
"""

MAIN = """// what it is for
/** @type {string} */
import { b } from "./b.js";
import {
  c,
} from "./c.js";
/* one */ const url = "http://example.org//x"; // goes
const path = "a // b"; // "stays"
const n = /** @type {any} */ (url) ?? /** @type {"stays"} */ (path); // goes
  /** @param {string} x */ function f(x) { return `
// in a string? never at the start of a line in our code
`; }
const lazy = () => import("./lazy.js");
"""


@pytest.fixture(name="web")
def make_web(tmp_path: Path) -> Path:
    (tmp_path / "js").mkdir()
    (tmp_path / "index.html").write_text(INDEX)
    (tmp_path / "door.html").write_text(DOOR)
    (tmp_path / "js" / "door.js").write_text('import { c } from "./c.js";\nconsole.log(c);\n')
    (tmp_path / "style.css").write_text("/* calm */\nbody {\n  color: red;\n}\n")
    (tmp_path / "manifest.webmanifest").write_text("{}")
    (tmp_path / "js" / "main.js").write_text(MAIN)
    (tmp_path / "js" / "b.js").write_text('import { d } from "./d.js";\nexport const b = d;\n')
    (tmp_path / "js" / "c.js").write_text("export const c = 1;\n")
    (tmp_path / "js" / "d.js").write_text('import { c } from "./c.js";\nexport const d = c;\n')
    (tmp_path / "js" / "lazy.js").write_text("export const lazy = 1;\n")
    return tmp_path


def served(site: Site, name: str) -> str:
    asset = site.find(name)
    assert asset is not None
    if asset.zipped is not None:
        assert gzip.decompress(asset.zipped) == asset.body
    return asset.body.decode()


def test_scripts_and_styles_are_asked_for_by_version(web: Path) -> None:
    site = Site(web)
    index = served(site, "index.html")
    assert f'src="{site.version}/js/main.js"' in index
    assert f'href="{site.version}/style.css"' in index
    assert '<a href="js/main.js">' in index
    assert 'href="manifest.webmanifest"' in index, "its own addresses are relative to it"


def test_the_door_has_its_own_scripts_joined(web: Path) -> None:
    site = Site(web)
    door = served(site, "door.html")
    assert f'src="{site.version}/js/door.js"' in door
    assert f'href="{site.version}/style.css"' in door
    assert served(site, "js/door.js").startswith("const $c = ")
    assert "$c" in served(site, "js/main.js"), "and the page has its own, too"


def test_only_comments_and_indentation_are_left_out(web: Path) -> None:
    main = served(Site(web), "js/main.js")
    assert 'const url = "http://example.org//x";\n' in main
    assert 'const path = "a // b"; // "stays"\n' in main
    assert 'const n = (url) ?? /** @type {"stays"} */ (path);\n' in main
    assert "function f(x)" in main
    assert served(Site(web), "style.css") == "body {\ncolor: red;\n}\n"


@pytest.mark.parametrize("name", ["index.html", "door.html", "style.css", "js/lazy.js"])
def test_any_change_makes_a_new_version(web: Path, name: str) -> None:
    before = Site(web).version
    assert Site(web).version == before
    (web / name).write_text((web / name).read_text() + ";")
    assert Site(web).version != before


@pytest.mark.parametrize("name", ["../site.py", "js", "", "js/nothing.js", "/etc/passwd"])
def test_nothing_else_is_there(web: Path, name: str) -> None:
    assert Site(web).find(name) is None
