"""How the product starts, refuses to start, and stops."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from harness.immich import Immich
from harness.process import Process
from harness.product import SERVER, Product, environment, launch, running
from harness.tus import Tus, patch_headers
from harness.wait import until
from harness.wire import Address, Connection, Hangup, request

from immich_drop import __version__

SECRET = "s3cr3t-key-nobody-may-see"

AS_NOBODY = f"""
import os, sys
sys.path.insert(0, {str(SERVER.parent)!r})
from immich_drop.main import main
os.seteuid(65534)
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(name="product")
def fixture_product(immich: Immich, tmp_path: Path) -> Iterator[Product]:
    with running(tmp_path, **immich.settings) as product:
        yield product


def run(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a product that ends by itself."""
    env = environment({"STATE_DB": str(folder / "data" / "state.db"), **settings})
    return subprocess.run(
        [sys.executable, str(SERVER), *arguments],
        env=env,
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        timeout=10,
        check=False,
    )


def assert_explained(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Check that the start was refused in a way that a host understands."""
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert "Traceback" not in done.stdout + done.stderr
    assert SECRET not in done.stdout + done.stderr
    for word in words:
        assert word in done.stderr
    assert done.stderr.strip()


class TestRefusals:
    @pytest.fixture(name="settings")
    def fixture_settings(self) -> dict[str, str]:
        return {"IMMICH_BASE_URL": "http://127.0.0.1:9/api", "IMMICH_API_KEY": SECRET}

    def test_all_mistakes_at_once(self, tmp_path: Path) -> None:
        wrong = {
            "PORT": "eighty",
            "IMMICH_BASE_URL": "immich.local",
            "MAX_CONCURRENT": "-1",
            "MAX_FILE_SIZE": "huge",
            "UPLOAD_EXPIRATION": "soon",
            "PRECHECK": "maybe",
            "METRICS": "perhaps",
            "LOG_LEVEL": "LOUD",
            "TRUSTED_PROXIES": "everyone",
        }
        done = run(tmp_path, **wrong, IMMICH_API_KEY=SECRET)
        assert_explained(done, *wrong)
        assert not (tmp_path / "data").exists(), "nothing is begun with wrong settings"

    def test_nothing_set(self, tmp_path: Path) -> None:
        assert_explained(run(tmp_path), "IMMICH_BASE_URL")

    @pytest.mark.parametrize("value", ["http://[::1", "ftp://immich/api", "http://", "//immich"])
    def test_addresses_that_are_none(self, tmp_path: Path, value: str) -> None:
        done = run(tmp_path, IMMICH_BASE_URL=value, IMMICH_API_KEY=SECRET)
        assert_explained(done, "IMMICH_BASE_URL")

    def test_a_port_in_use(self, tmp_path: Path, settings: dict[str, str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            done = run(tmp_path, PORT=port, **settings)
        assert_explained(done, port)

    def test_an_address_that_is_not_ours(self, tmp_path: Path, settings: dict[str, str]) -> None:
        assert_explained(run(tmp_path, HOST="192.0.2.1", **settings), "192.0.2.1")

    def test_a_file_in_place_of_the_data_folder(
        self, tmp_path: Path, settings: dict[str, str]
    ) -> None:
        (tmp_path / "data").write_text("a file")
        assert_explained(run(tmp_path, **settings), str(tmp_path / "data"))

    def test_a_file_in_place_of_the_spool(self, tmp_path: Path, settings: dict[str, str]) -> None:
        (tmp_path / "spool").write_text("a file")
        spool = str(tmp_path / "spool")
        assert_explained(run(tmp_path, SPOOL_DIR=spool, **settings), spool)

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path, settings: dict[str, str]) -> None:
        """Not even by root, as which tests may run."""
        database = "/proc/immich-drop/state.db"
        assert_explained(run(tmp_path, STATE_DB=database, **settings), "/proc/immich-drop")

    def test_a_database_that_is_none(self, tmp_path: Path, settings: dict[str, str]) -> None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "state.db").write_text("these are not the rows you are looking for")
        assert_explained(run(tmp_path, **settings), "state.db")

    def test_a_second_product_on_the_same_data(
        self, product: Product, settings: dict[str, str]
    ) -> None:
        """Two of them would deliver the same files and delete each other's."""
        assert_explained(run(product.folder, **settings), str(product.folder / "data"))
        assert product.tus.ask("GET", "/healthz", {}).status == 200

    def test_a_second_product_with_a_spool_of_its_own(
        self, product: Product, settings: dict[str, str]
    ) -> None:
        """It would find the files of the first one missing, and say that they have failed."""
        database = str(product.folder / "data" / "state.db")
        done = run(product.folder, SPOOL_DIR=str(product.folder / "other"), **settings)
        assert_explained(done, f"another Immich Drop is using {database}")
        assert product.tus.ask("GET", "/healthz", {}).status == 200
        assert run(product.folder, "status", **settings).returncode == 0

    @pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody without rights")
    @pytest.mark.parametrize("command", ["", "status"])
    def test_folders_of_another_user(self, settings: dict[str, str], command: str) -> None:
        """As a volume that Docker made is root's."""
        with TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)
            data = Path(folder, "data")
            data.mkdir(0o700)
            done = subprocess.run(
                [sys.executable, "-c", AS_NOBODY, *filter(None, [command])],
                env=environment({"STATE_DB": "data/state.db", **settings}),
                cwd=folder,
                capture_output=True,
                encoding="utf-8",
                timeout=10,
                check=False,
            )
        assert_explained(done, "data", f"chown -R 65534 {data}")

    @pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
    def test_an_env_file_of_another_encoding(self, tmp_path: Path, encoding: str) -> None:
        """As Windows' editors and shells write it."""
        text = f"IMMICH_BASE_URL=http://127.0.0.1:9/api\nIMMICH_API_KEY={SECRET}\nDROP_TITLE=Süß\n"
        (tmp_path / ".env").write_text(text, encoding)
        assert_explained(run(tmp_path), ".env", "UTF-8")

    def test_a_line_of_the_env_file_that_cannot_be_read(self, tmp_path: Path) -> None:
        """Its setting would be missing, unannounced."""
        (tmp_path / ".env").write_text('IMMICH_BASE_URL=http://127.0.0.1:9/api\nDROP_TITLE="Anna\n')
        assert_explained(run(tmp_path), ".env line 2")

    def test_another_folder(self, tmp_path: Path) -> None:
        assert_explained(run(tmp_path), f"there is no .env in {tmp_path}")

    @pytest.mark.parametrize("command", ["status", "retry", "purge", "export"])
    def test_a_command_where_no_drop_has_run(
        self, tmp_path: Path, settings: dict[str, str], command: str
    ) -> None:
        """In the wrong folder, for one: an empty database made there would only look like ours."""
        words = ["--all"] if command == "purge" else []
        done = run(tmp_path, command, *words, **settings)
        assert_explained(done, str(tmp_path / "data" / "state.db"), "is this the wrong folder?")
        assert not (tmp_path / "data").exists()

    def test_an_argument_nobody_knows(self, tmp_path: Path, settings: dict[str, str]) -> None:
        assert_explained(run(tmp_path, "--everything", **settings), "--everything")

    @pytest.mark.parametrize("arguments", [["purge"], ["purge", "--all", "damaged"]])
    def test_to_delete_everything_takes_a_word(
        self, tmp_path: Path, settings: dict[str, str], arguments: list[str]
    ) -> None:
        """These may be the only copies of guests' photos."""
        assert_explained(run(tmp_path, *arguments, **settings), "--all")


class TestCommands:
    def test_retry_and_purge(self, tmp_path: Path, immich: Immich) -> None:
        with running(tmp_path, GUEST_NAME="optional", **immich.settings) as product:
            with immich.fault("status", times=None, status=400, message="no"):
                for number in range(2):
                    product.tus.upload(
                        f"refused {number}".encode(), filename="a b.jpg", guest="Zoë"
                    )
                until(
                    lambda: product.log.count("failed: immich_refused") == 2, "both to be refused"
                )
            product.stop()
            settings = product.settings
            status = run(product.folder, "status", **settings)
            assert status.returncode == 1
            assert status.stdout.count("immich_refused  a b.jpg, from Zoë\n") == 2
            plain = run(product.folder, "status", **settings, PYTHONIOENCODING="ascii")
            assert plain.stdout.count("from Zo\\xeb") == 2, "on a terminal without this sign"
            upload_id = status.stdout.split("`purge ID` gives up:")[1].split()[0]
            again = run(product.folder, "retry", upload_id, **settings)
            assert (
                again.stdout == "1 upload will be tried again, within a minute if the drop runs.\n"
            )
            assert run(product.folder, "purge", "--all", **settings).stdout == "1 upload deleted.\n"
            product.start()
            until(lambda: not product.spool, "the other to be delivered")
            assert (
                run(product.folder, "purge", "--all", **settings).stdout == "0 uploads deleted.\n"
            )

    @pytest.mark.parametrize("command", ["status", "export"])
    def test_whoever_reads_has_enough(self, product: Product, command: str) -> None:
        """As `status | head`."""
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "w") as pipe:
            done = subprocess.run(
                [sys.executable, str(SERVER), command],
                env=environment(product.settings),
                cwd=product.folder,
                stdout=pipe,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                timeout=10,
                check=False,
            )
        assert (done.returncode, done.stderr) == (0, "")


class TestCheck:
    def test_all_is_well(self, tmp_path: Path, immich: Immich) -> None:
        done = run(tmp_path, "--check", **immich.settings)
        assert done.returncode == 0, done.stdout + done.stderr

    def test_a_setting_nobody_knows(self, tmp_path: Path, immich: Immich) -> None:
        done = run(tmp_path, "--check", **immich.settings, MAX_FILESIZE="3GB")
        assert done.returncode == 0, done.stdout + done.stderr
        assert re.search("^warning .*did you mean MAX_FILE_SIZE", done.stdout, re.MULTILINE)

    def test_a_wrong_key(self, tmp_path: Path, immich: Immich) -> None:
        done = run(tmp_path, "--check", **{**immich.settings, "IMMICH_API_KEY": SECRET})
        assert done.returncode != 0
        assert "IMMICH_API_KEY" in done.stdout + done.stderr
        assert SECRET not in done.stdout + done.stderr

    def test_nobody_there(self, tmp_path: Path) -> None:
        settings = {"IMMICH_BASE_URL": "http://127.0.0.1:9/api", "IMMICH_API_KEY": SECRET}
        done = run(tmp_path, "--check", **settings)
        assert done.returncode != 0
        assert "Traceback" not in done.stdout + done.stderr
        assert SECRET not in done.stdout + done.stderr

    def test_who_has_waited_long_enough(self, tmp_path: Path) -> None:
        """Something listens and says nothing; Ctrl-C needs no traceback."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            base = f"http://127.0.0.1:{silent.getsockname()[1]}/api"
            settings = {"IMMICH_BASE_URL": base, "IMMICH_API_KEY": SECRET}
            process = launch(tmp_path, settings, "--check")
            with silent.accept()[0]:
                process.signal(signal.SIGINT)
                assert process.exit_code() == 130
        assert process.log == ""


class TestStart:
    def test_without_immich(self, tmp_path: Path) -> None:
        """A host who starts both at once need not mind the order."""
        settings = {"IMMICH_BASE_URL": "http://127.0.0.1:9/api", "IMMICH_API_KEY": SECRET}
        with running(tmp_path, **settings) as product:
            product.tus.upload(b"received without Immich")
            assert product.tus.ask("GET", "/healthz", {}).status == 200
            until(
                lambda: product.tus.ask("GET", "/readyz", {}).status == 503, "the host to be told"
            )
            assert SECRET not in product.log

    def test_ready(self, product: Product) -> None:
        def ready() -> bool:
            return product.tus.ask("GET", "/readyz", {}).status == 200

        until(ready, "readiness")
        body = product.tus.ask("GET", "/readyz", {}).body
        assert b"127.0.0.1" not in body
        assert str(product.folder).encode() not in body

    def test_a_missing_api_is_found_out(self, tmp_path: Path, immich: Immich) -> None:
        data = b"the address was given without /api"
        base = immich.settings["IMMICH_BASE_URL"].removesuffix("/api")
        with running(tmp_path, **{**immich.settings, "IMMICH_BASE_URL": base}) as product:
            product.tus.upload(data)
            until(lambda: immich.assets(data) or "/api" in product.log, "help")

    def test_behind_a_trusted_proxy(self, tmp_path: Path, immich: Immich) -> None:
        settings = {"TRUSTED_PROXIES": "127.0.0.1", "BASE_PATH": "/drop", **immich.settings}
        with running(tmp_path, **settings) as product:
            forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "drop.example"}
            created = product.tus.post(3, headers=forwarded)
            if created.status == 404:
                created = product.tus.ask(
                    "POST",
                    "/drop/files/",
                    {
                        "Tus-Resumable": "1.0.0",
                        "Upload-Length": "3",
                        "Upload-Metadata": "filename YS5qcGc=",
                        **forwarded,
                    },
                )
            assert created["Location"].startswith("https://drop.example/drop/files/")

    def test_a_setting_nobody_knows(self, tmp_path: Path, immich: Immich) -> None:
        (tmp_path / ".env").write_text("MAX_FILESIZE=3GB\n")
        with running(tmp_path, **immich.settings) as product:
            assert "WARN main MAX_FILESIZE is no setting" in product.log

    def test_the_demo_is_of_this_machine_only(self, tmp_path: Path) -> None:
        """It tells nobody of what arrives, and answers here whatever the real address is."""
        real = {
            "IMMICH_BASE_URL": "http://127.0.0.1:9/api",
            "PUBLIC_BASE_URL": "https://older.example",
            "PUBLIC_URL": "https://drop.example",
            "NOTIFY_URL": "http://127.0.0.1:9/",
            "DROP_TITLE": "The real one",
        }
        process = launch(tmp_path, real, "--demo")
        try:
            answer = Tus(process.address()).ask("GET", "/api/config", {})
            assert answer.json()["title"] == "Anna & Tom's wedding"
            assert process.stop() == 0
        finally:
            process.kill()

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has it")
    def test_where_nothing_can_be_said(self, tmp_path: Path, immich: Immich) -> None:
        """Its output goes to a disk that is full: guests may come all the same."""
        data = b"brought to a drop that cannot speak"
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = free.getsockname()
        env = environment({**immich.settings, "PORT": str(address[1])})
        with (
            Path("/dev/full").open("w", encoding="utf-8") as full,
            subprocess.Popen(
                [sys.executable, str(SERVER)], env=env, cwd=tmp_path, stdout=full, stderr=full
            ) as process,
        ):
            try:
                until(lambda: answers(address) or process.poll() is not None, "the drop to open")
                Tus(address).upload(data)
                immich.wait_for(data)
            finally:
                process.terminate()


class TestWords:
    def test_the_version_is_the_newest_in_the_list_of_changes(self, tmp_path: Path) -> None:
        changes = (SERVER.parent / "CHANGELOG.md").read_text("utf-8")
        newest = re.search(r"^## (\S+)", changes, re.MULTILINE)
        assert newest
        assert run(tmp_path, "--version").stdout == f"Immich Drop {newest[1]}\n"

    def test_the_log_says_what_runs_where_and_that_it_ended(self, product: Product) -> None:
        (start,) = (line for line in product.log.splitlines() if "INFO main" in line)
        for told in (__version__, product.url, "data/state.db", "data/spool"):
            assert told in start
        product.stop()
        assert product.log.splitlines()[-1].endswith("INFO main Immich Drop has stopped")

    def test_for_machines_every_line_is_json(self, immich: Immich, tmp_path: Path) -> None:
        with running(tmp_path, **immich.settings, LOG_FORMAT="json") as product:
            address = product.url
            product.stop()
            said = [json.loads(line)["message"] for line in product.log.splitlines()]
        assert any(address in message for message in said)


class TestStop:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    def test_at_rest(self, product: Product, number: int) -> None:
        started = time.monotonic()
        product.process.signal(number)
        assert product.process.exit_code() == 0
        assert time.monotonic() - started < 3

    def test_nohup_is_respected(self, tmp_path: Path) -> None:
        env = environment({"IMMICH_BASE_URL": "http://127.0.0.1:9/api"})
        process = Process(["nohup", sys.executable, str(SERVER)], env=env, cwd=tmp_path)
        try:
            process.address()
            status = Path(f"/proc/{process.pid}/status").read_text()
            ignored = re.search(r"^SigIgn:\s*([0-9a-f]+)", status, re.MULTILINE)
            assert ignored
            assert int(ignored[1], 16) & 1 << (signal.SIGHUP - 1)
            assert process.stop() == 0
        finally:
            process.kill()

    def test_under_load(self, product: Product, immich: Immich) -> None:
        """Everything under way ends where it is, and goes on from there."""
        tus = product.tus
        poured, stalled, waiting = (f"{what} ".encode() * 200_000 for what in "abc")
        urls = [tus.create(len(poured)), tus.create(len(stalled))]
        with (
            ThreadPoolExecutor() as pool,
            immich.fault("hang_body", after=100_000),
            ExitStack() as open_,
        ):
            tus.upload(waiting)
            until(immich.under_way, "a delivery")
            pouring, silent = (open_.enter_context(tus.connect()) for _ in urls)
            for connection, url, data in ((pouring, urls[0], poured), (silent, urls[1], stalled)):
                headers = patch_headers(0, **{"Content-Length": str(len(data))})
                connection.send(request("PATCH", url, headers) + data[:150_000])
                connection.settle()
            poured_out = pool.submit(pour, pouring, poured[150_000:])
            started = time.monotonic()
            assert product.stop() == 0
            assert time.monotonic() - started < 12
            poured_out.result()
        product.start()
        assert product.tus.offset(urls[1]) == 150_000
        for url, data in zip(urls, (poured, stalled), strict=True):
            offset = product.tus.offset(url)
            assert offset >= 150_000
            assert product.tus.patch(url, offset, data[offset:]).status == 204
        for data in (poured, stalled, waiting):
            immich.wait_for(data)
        until(lambda: not product.spool, "the spool to be empty")

    def test_a_second_signal_ends_it_at_once(self, product: Product, immich: Immich) -> None:
        with immich.fault("hang_body", after=100_000):
            product.tus.upload(b"x" * 1_000_000)
            until(immich.under_way, "a delivery")
            product.process.signal(signal.SIGTERM)
            until(lambda: refuses(product), "the first signal to be heard")
            product.process.signal(signal.SIGTERM)
            started = time.monotonic()
            product.process.exit_code()
            assert time.monotonic() - started < 1
        product.start()
        immich.wait_for(b"x" * 1_000_000)

    def test_an_answer_under_way_is_given(self, product: Product) -> None:
        """Whoever's last byte is in when the signal comes is told so, or asks again."""
        data = b"z" * 3_000_000
        url = product.tus.create(len(data))
        with product.tus.connect() as connection:
            connection.send(request("PATCH", url, patch_headers(0), data))
            connection.settle()
            product.process.signal(signal.SIGTERM)
            with suppress(Hangup):
                assert connection.response(to="PATCH").status == 204
        assert product.process.exit_code() == 0
        product.start()
        assert product.tus.offset(url) == len(data)


def answers(address: Address) -> bool:
    """Tell whether somebody listens there."""
    try:
        socket.create_connection(address).close()
    except OSError:
        return False
    return True


def refuses(product: Product) -> bool:
    """Tell whether the product takes no new connections any more."""
    try:
        product.tus.connect().close()
    except OSError:
        return True
    return False


def pour(connection: Connection, data: bytes) -> None:
    """Send as a slow phone does, until the other side has enough."""
    with suppress(OSError):
        for position in range(0, len(data), 1000):
            connection.send(data[position : position + 1000])
            time.sleep(0.01)
