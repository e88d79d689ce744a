"""One stand-in for all of it: a test puts right what it breaks."""

from collections.abc import Iterator

import pytest
from harness.immich import Immich


@pytest.fixture(name="immich", scope="package")
def fixture_immich(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Immich]:
    with Immich(tmp_path_factory.mktemp("immich")) as immich:
        yield immich
