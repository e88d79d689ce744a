"""Joined modules do what they did apart: run by Node, both ways."""

import subprocess
from pathlib import Path

import pytest

from immich_drop.bundle import NotJoinable, join

WEB = Path(__file__).parents[2] / "web" / "js"

MODULES = {
    "main.js": """import { double, Counter as C } from "./math.js";
import {
  hidden,
  each,
} from "./words.js";
const hidden2 = "mine";
const c = new C();
c.up(); c.up();
const out = [];
for (const word of each(["a", "b"])) out.push(word);
const lazy = async () => (await import("./lang/en.js")).default;
console.log(JSON.stringify([double(c.n), hidden, hidden2, out, typeof lazy]));
""",
    "math.js": """import { hidden } from "./words.js";
const secret = 2;
export const double = (x) => x * secret;
export class Counter {
  n = hidden.length;
  up() { this.n += 1; }
}
""",
    "words.js": """const secret = "theirs";
export const hidden = secret;
export function* each(words) { yield* words; }
export async function later() { return 1; }
""",
}


def run(path: Path) -> str:
    return subprocess.run(
        ["node", path], capture_output=True, text=True, check=True, timeout=20
    ).stdout


def test_joined_and_apart_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"type": "module"}')
    for name, text in MODULES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "joined.js").write_text(join("main.js", MODULES.__getitem__))
    assert run(tmp_path / "joined.js") == run(tmp_path / "main.js") != ""


@pytest.mark.parametrize("entry", ["main.js", "door.js"])
def test_the_page_and_its_door_join(tmp_path: Path, entry: str) -> None:
    joined = tmp_path / "joined.mjs"
    joined.write_text(join(entry, lambda name: (WEB / name).read_text()))
    subprocess.run(["node", "--check", joined], check=True, timeout=20)


@pytest.mark.parametrize(
    "line",
    [
        'import everything from "./words.js";',
        'import * as words from "./words.js";',
        'import "./words.js";',
        'export { hidden } from "./words.js";',
        'export * from "./words.js";',
        "export default 1;",
        "export let x = 1;",
        'import { a } from "https://example.org/a.js";',
    ],
)
def test_what_is_not_understood_stops_the_start(line: str) -> None:
    with pytest.raises(NotJoinable, match=r"main\.js"):
        join("main.js", (MODULES | {"main.js": line + "\n"}).__getitem__)


def test_a_circle_is_found() -> None:
    circle = {
        "a.js": 'import { b } from "./b.js";\nexport const a = 1;\n',
        "b.js": 'import { a } from "./a.js";\nexport const b = 1;\n',
    }
    with pytest.raises(NotJoinable, match="itself"):
        join("a.js", circle.__getitem__)
