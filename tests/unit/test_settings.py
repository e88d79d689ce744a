"""Settings: what a host may write, and every mistake named at once."""

from dataclasses import fields
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from dotenv import dotenv_values

from immich_drop.settings import Settings, SettingsError, keys

KEY = "a-secret-key"
LEAST = {"IMMICH_BASE_URL": "http://immich:2283/api", "IMMICH_API_KEY": KEY}


def read(**env: str) -> Settings:
    return Settings.from_env(LEAST | env)


def test_the_least_there_is() -> None:
    settings = read()
    assert settings.immich_base_url == "http://immich:2283/api"
    assert (settings.host, settings.port) == ("0.0.0.0", 8080)
    assert settings.spool == Path("data/spool")
    assert settings.upload_expiration == timedelta(hours=48)
    assert settings.trusted_proxies == ()
    assert read(**dict.fromkeys(keys().keys() - LEAST.keys(), "  ")) == settings, "empty is unset"


def test_every_key_is_a_field_and_its_default_is_right() -> None:
    assert set(keys()) == {field.name.upper() for field in fields(Settings)} - {"WRITTEN"}
    assert read(**(keys() | LEAST)) == read()


RIGHT = [
    ("IMMICH_BASE_URL", "https://photos.example/api/", "https://photos.example/api"),
    ("IMMICH_BASE_URL", "http://[::1]:2283/api", "http://[::1]:2283/api"),
    ("MAX_FILE_SIZE", "1", 1),
    ("MAX_FILE_SIZE", "1.5 GB", 1_500_000_000),
    ("MAX_FILE_SIZE", "20kb", 20_000),
    ("LIMIT_SESSION_BYTES", "0", 0),
    ("UPLOAD_EXPIRATION", "90s", timedelta(seconds=90)),
    ("UPLOAD_EXPIRATION", "2 D", timedelta(days=2)),
    ("METRICS", "TRUE", True),
    ("PRECHECK", "Library", "library"),
    ("LOG_LEVEL", "debug", "DEBUG"),
    ("BASE_PATH", "drop/", "/drop"),
    ("BASE_PATH", "/", ""),
    ("TRUSTED_PROXIES", "10.1.2.3/8, ::1,", (ip_network("10.0.0.0/8"), ip_network("::1"))),
    ("SPOOL_DIR", "/mnt/spool", Path("/mnt/spool")),
    ("DROP_TITLE", "  Anna & Tom  ", "Anna & Tom"),
    ("PUBLIC_URL", "https://xn--mller-kva.example/drop/", "https://xn--mller-kva.example/drop"),
    ("PUBLIC_URL", "HTTPS://Drop.Example.:443/Photos/", "https://drop.example/Photos"),
    ("PUBLIC_URL", "http://drop.example.:8080", "http://drop.example:8080"),
    ("PUBLIC_URL", "http://[FD00::1]", "http://[fd00::1]"),
    ("HOST", "[::1]", "::1"),
    ("HOST", "drop.local", "drop.local"),
    ("PORT", "0", 0),
    ("NOTIFY_URL", "https://hook.example/@anna/1", "https://hook.example/@anna/1"),
    ("NOTIFY_URL", "https://hook.example/a/?token=b", "https://hook.example/a/?token=b"),
    ("NOTIFY_URL", "ntfy+https://ntfy.example/topic", "ntfy+https://ntfy.example/topic"),
]


@pytest.mark.parametrize(("key", "text", "value"), RIGHT)
def test_what_may_be_written(key: str, text: str, value: object) -> None:
    assert getattr(read(**{key: text}), key.lower()) == value


WRONG = [
    ("IMMICH_BASE_URL", "immich:2283"),
    ("IMMICH_BASE_URL", "ftp://immich"),
    ("IMMICH_BASE_URL", "http://"),
    ("IMMICH_BASE_URL", "http://immich:port/api"),
    ("IMMICH_BASE_URL", "http://immich:99999/api"),
    ("IMMICH_BASE_URL", "http://[::1/api"),
    ("IMMICH_BASE_URL", "http://immich/api?apiKey=x"),
    ("IMMICH_BASE_URL", "http://immich/#/photos"),
    ("IMMICH_BASE_URL", "http://user:pass@immich/api"),
    ("IMMICH_BASE_URL", "http://immich /api"),
    ("IMMICH_BASE_URL", "http://immich..local/api"),
    ("IMMICH_API_KEY", "a key with spaces"),
    ("IMMICH_API_KEY", "copied-with-\u200bsomething-invisible"),
    ("PUBLIC_URL", "drop.example"),
    ("PUBLIC_URL", "https://müller.example"),
    ("PUBLIC_URL", "https://drop.example/?from=chat"),
    ("PUBLIC_URL", "https://./"),
    ("DROP_PAGE", "closed"),
    ("NOTIFY_URL", "ntfy.example/topic"),
    ("NOTIFY_URL", "ntfy+ftp://ntfy.example/topic"),
    ("PORT", "65536"),
    ("PORT", "http"),
    ("PORT", "-1"),
    ("STATE_DB", "~nobody-of-this-name/state.db"),
    ("MAX_CONCURRENT", "0"),
    ("MAX_CONCURRENT", "101"),
    ("MAX_CONCURRENT", "1_0"),
    ("MAX_CONCURRENT", "٣"),
    ("MAX_FILE_SIZE", "0"),
    ("MAX_FILE_SIZE", "0.1B"),
    ("MAX_FILE_SIZE", "big"),
    ("MAX_FILE_SIZE", "-1GB"),
    ("MAX_FILE_SIZE", "9" * 400),
    ("MAX_FILE_SIZE", "10000000TB"),
    ("UPLOAD_EXPIRATION", "0h"),
    ("UPLOAD_EXPIRATION", "48"),
    ("UPLOAD_EXPIRATION", "99999999d"),
    ("METRICS", "yes"),
    ("PRECHECK", "on"),
    ("LOG_LEVEL", "loud"),
    ("BASE_PATH", "/a/../b"),
    ("BASE_PATH", "/a b"),
    ("BASE_PATH", "/files/"),
    ("TRUSTED_PROXIES", "proxy"),
    ("TRUSTED_PROXIES", "10.0.0.0/33"),
]


@pytest.mark.parametrize(("key", "text"), WRONG)
def test_what_may_not_be_written(key: str, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(**{key: text})
    assert str(caught.value).startswith(f"{key} must be ")
    assert "\n" not in str(caught.value)


def test_all_mistakes_are_told_at_once_and_no_secret() -> None:
    env = {key: text for key, text in WRONG if key != "IMMICH_BASE_URL"}
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(env)
    lines = str(caught.value).splitlines()
    assert {line.split()[0] for line in lines} == {*env, "IMMICH_BASE_URL"}
    assert "IMMICH_BASE_URL is missing: write" in str(caught.value)
    assert env["IMMICH_API_KEY"] not in str(caught.value)
    assert env["NOTIFY_URL"] not in str(caught.value)
    assert KEY not in repr(read())


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("""DROP_TITLE=Anna & Tom's wedding""", "Anna & Tom's wedding"),
        ('''DROP_TITLE="Anna & Tom's wedding"''', "Anna & Tom's wedding"),
        ("""DROP_TITLE='50 $ for "Tom"'""", '50 $ for "Tom"'),
        ("""DROP_TITLE=Anna # the bride""", "Anna"),
        ("""DROP_TITLE="Anna #1" # the bride""", "Anna #1"),
        ("""export DROP_TITLE="Süße 🐱" """, "Süße 🐱"),
        ("""DROP_TITLE=""", ""),
        ("""# DROP_TITLE=Anna""", ""),
    ],
)
def test_quotes_and_comments_of_an_env_file(tmp_path: Path, line: str, title: str) -> None:
    path = tmp_path / ".env"
    path.write_text(f"IMMICH_BASE_URL=http://immich/api\nIMMICH_API_KEY={KEY}\n{line}\n")
    settings = Settings.from_env(dotenv_values(path))
    assert (settings.drop_title, settings.immich_api_key) == (title, KEY)


@pytest.mark.parametrize("key", ["IMMICH_BASE_URL", "NOTIFY_URL", "PUBLIC_URL"])
def test_a_user_name_in_an_address_is_what_is_named(key: str) -> None:
    with pytest.raises(SettingsError, match=f"{key} must .*without a user name") as caught:
        read(**{key: "https://anna:secret@photos.example"})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://drop", "https://drop.example/shop/raindrop"])
def test_the_address_of_a_path_has_the_path(url: str) -> None:
    with pytest.raises(SettingsError, match="PUBLIC_URL must end in BASE_PATH.*/drop$"):
        read(PUBLIC_URL=url, BASE_PATH="/drop")
    assert read(PUBLIC_URL=f"{url}/drop/", BASE_PATH="drop").public_url == f"{url}/drop"
    assert read(PUBLIC_URL=url).public_url == url, "where the proxy takes the path off"


def test_what_was_written_is_known() -> None:
    assert read(PORT="8080", DROP_TITLE=" ").written == {*LEAST, "PORT"}
    assert read(PUBLIC_UPLOAD_PAGE_ENABLED="false").written == {*LEAST, "DROP_PAGE"}


def test_a_mistake_is_told_by_the_name_it_was_written_under() -> None:
    assert read(TRUSTED_PROXY="10.0.0.1").trusted_proxies == (ip_network("10.0.0.1"),)
    with pytest.raises(SettingsError, match="TRUSTED_PROXY must be"):
        read(TRUSTED_PROXY="yes", TRUSTED_PROXIES=" ")


def test_a_page_that_the_older_program_had_closed_stays_closed() -> None:
    assert not read(PUBLIC_UPLOAD_PAGE_ENABLED="FALSE").drop_page
    assert not read(PUBLIC_UPLOAD_PAGE_ENABLED="0").drop_page
    assert read(PUBLIC_UPLOAD_PAGE_ENABLED="yes").drop_page
    assert read(PUBLIC_UPLOAD_PAGE_ENABLED="false", DROP_PAGE="on").drop_page
