"""What is written for hosts and developers is true: settings, links, commands, files, codes."""

import re
from pathlib import Path

import pytest
from dotenv import dotenv_values

from immich_drop import errors, main, settings

ROOT = Path(__file__).parents[1]
DOCS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {path: path.read_text("utf-8") for path in DOCS}
ALL = "\n".join(TEXTS.values())


def found(pattern: str, text: str = ALL) -> set[str]:
    """Return what the one group, or whichever of several, has matched."""
    matches = re.finditer(pattern, text, re.MULTILINE)
    return {next(filter(None, match.groups())) for match in matches}


def anchors(text: str) -> set[str]:
    """Return the addresses of the headings, as they are made for Markdown on the web."""
    headings = found(r"^#+ (.+)$", text)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_example_has_every_setting_and_its_default() -> None:
    assert dict(dotenv_values(ROOT / ".env.example")) == settings.keys()


def test_the_readme_has_every_setting_and_its_default() -> None:
    row = re.compile(r"^\| `([A-Z_]+)` \| (?:`(.*?)` )?\|", re.MULTILINE)
    rows = row.findall(TEXTS[ROOT / "README.md"])
    assert dict(rows) == settings.keys()


def test_no_other_setting_is_named() -> None:
    known = {*settings.keys(), *settings.FORMER.values()}
    assert found(r"`([A-Z]+(?:_[A-Z]+)+)(?:=[^`]*)?`") <= known


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for link in found(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", TEXTS[document]):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(TEXTS[target]), link


def test_make_knows_every_target() -> None:
    targets = found(r"^([a-z]+):", (ROOT / "Makefile").read_text())
    assert found(r"^make ([a-z]+)|`make ([a-z]+)`") <= targets


def test_the_server_knows_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main.main(["--help"])
    offered = found(r"(--[a-z]+)|^    ([a-z]+) ", capsys.readouterr().out)
    named = found(r"python server\.py (--?[a-z]+|[a-z]+)")
    assert named
    assert named <= offered


def test_files_are_there() -> None:
    homes = (ROOT, ROOT / "immich_drop", ROOT / "web")
    named = found(r"`((?:\w+|\.ci)/[\w./-]*|[\w-]+\.(?:py|toml|yml)|\.env\.example)`")
    # What only running makes.
    named -= {"demo/library"}
    assert {path for path in named if not any((home / path).exists() for home in homes)} == set()


def test_the_picture_shows_every_module() -> None:
    picture = TEXTS[ROOT / "docs" / "architecture.md"].split("server.py  ", 1)[1]
    shown = found(r"\b(\w+\.py|\w+/) +\S", picture.split("```", 1)[0])
    package = ROOT / "immich_drop"
    modules = {f"{path.parent.name}/" for path in package.glob("[a-z]*/__init__.py")}
    modules |= {path.name for path in package.glob("[a-z]*.py")}
    assert modules <= shown
    assert shown - modules == {"web/"}


def test_codes_are_those_the_server_gives() -> None:
    def codes(error: type[errors.DropError]) -> set[str]:
        return {error.code}.union(*map(codes, error.__subclasses__()))

    assert found(r"`(immich_[a-z_]+)`") - {"immich_drop"} <= codes(errors.DropError)
