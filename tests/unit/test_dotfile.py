"""The file `.env`: what cannot be read stops the start, and what means nothing is named."""

from pathlib import Path

import pytest

from immich_drop import dotfile
from immich_drop.settings import SettingsError


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_what_is_written_is_set() -> None:
    dotfile.PATH.write_text('A=1 # one\nexport B=\n\n# C=3\nD="two\nlines"\nE=${A}0\n')
    assert dotfile.read() == {"A": "1", "B": "", "D": "two\nlines", "E": "${A}0"}


def test_no_file_sets_nothing(tmp_path: Path) -> None:
    assert dotfile.read() == {}
    assert str(tmp_path) in dotfile.place()
    dotfile.PATH.write_text("")
    assert str(tmp_path) not in dotfile.place()


@pytest.mark.parametrize(
    "wrong", ['DROP_TITLE="Anna', "DROP_TITLE='Anna", "PORT: 8080", "PORT:8080", "PORT", "= 1"]
)
def test_what_cannot_be_read_is_named_by_its_line(wrong: str) -> None:
    """The setting would be dropped, and the drop run without it."""
    dotfile.PATH.write_text(f"HOST=::\n\n# Guests come here\n\n{wrong}\nMETRICS=true\n")
    with pytest.raises(SettingsError) as caught:
        dotfile.read()
    assert str(caught.value) == ".env line 5 is not KEY=value, or a quote is not closed"


def test_all_such_lines_at_once() -> None:
    dotfile.PATH.write_text("A\nB=1\nC: 2\n")
    with pytest.raises(SettingsError, match="line 1 .*\n.*line 3 "):
        dotfile.read()


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("MAX_FILESIZE", "MAX_FILE_SIZE"),
        ("IMMICH_ALBUM", "IMMICH_ALBUM_NAME"),
        ("immich_api_key", "IMMICH_API_KEY"),
    ],
)
def test_a_misspelt_key_is_named_wherever_it_is(key: str, meant: str) -> None:
    said = [f"{key} is no setting; did you mean {meant}?"]
    assert dotfile.advise({key: "x"}, {}) == said
    assert dotfile.advise({}, {key: "x"}) == said
    assert dotfile.advise({key: "x"}, {key: "x"}) == said


def test_what_others_set_is_none_of_our_business_unless_it_is_in_our_file() -> None:
    others = dict.fromkeys(("HOME", "HOSTNAME", "LOGNAME", "NOTIFY_SOCKET", "PATH", "PWD", "TZ"))
    assert dotfile.advise({}, {key: "x" for key in others}) == []
    assert dotfile.advise({"TZ": "UTC"}, {}) == ["TZ is no setting"]


def test_what_the_older_program_had_is_named_once() -> None:
    said = dotfile.advise({"SESSION_SECRET": "x", "TRUSTED_PROXY": "y", "DROP_PAGE": "on"}, {})
    assert [line.split()[0] for line in said] == ["TRUSTED_PROXY", "SESSION_SECRET"]


def test_what_is_a_setting_is_not_named() -> None:
    assert dotfile.advise({"PORT": "1", "IMMICH_API_KEY": None}, {"LOG_LEVEL": "DEBUG"}) == []
