"""How long the storm is, and which one."""

import secrets

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="the storm of `make storm`")
    parser.addoption("--seed", type=int, help="the storm to have again")


@pytest.fixture(name="long")
def fixture_long(request: pytest.FixtureRequest) -> bool:
    """Tell whether there is time; the option is unknown when all of the tests run."""
    return bool(request.config.getoption("--long", default=False))


@pytest.fixture(name="seed")
def fixture_seed(request: pytest.FixtureRequest) -> int:
    given = request.config.getoption("--seed", default=None)
    seed = secrets.randbelow(10**6) if given is None else int(given)
    print(f"storm --seed {seed}")
    return seed
