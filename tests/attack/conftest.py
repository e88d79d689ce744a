"""One stand-in and one product for all attacks: who survives one has the next one before him."""

from collections.abc import Iterator

import pytest
from harness.immich import Immich
from harness.product import Product, running


@pytest.fixture(name="immich", scope="package")
def fixture_immich(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Immich]:
    with Immich(tmp_path_factory.mktemp("immich")) as immich:
        yield immich


@pytest.fixture(name="product", scope="package")
def fixture_product(immich: Immich, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running(tmp_path_factory.mktemp("product"), **immich.settings) as product:
        yield product
