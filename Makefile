# demo: try it. run: with .env. test, check: the two gates. bench: measured, never in a test.
PYTHON ?= python3
BIN := .venv/bin
# Test files at a time; 0: one after the other, in one process.
JOBS ?= 2

.PHONY: demo run test check format bench storm test-browsers lock
demo: .venv/run
	$(BIN)/python server.py --demo
run: .venv/run
	$(BIN)/python server.py
test: .venv/dev node_modules
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile
	node --test tests/web/
check: .venv/dev node_modules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	npx tsc -p .
	npx biome ci
format: .venv/dev node_modules
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	npx biome check --write
bench: .venv/dev
	$(BIN)/python -m bench
storm: .venv/dev
	$(BIN)/python -m pytest tests/storm --long
# Debian: firefox-esr webkit2gtk-driver xvfb
test-browsers: .venv/dev
	$(BIN)/python -m pytest tests/browsers/main_flow.py

# The locks are cut from pyproject.toml.
lock: .venv/dev
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-header pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --group dev pyproject.toml -o requirements-dev.txt

.venv/run: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	touch $@
.venv/dev: requirements-dev.txt .venv/run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	touch $@
node_modules: package.json package-lock.json
	npm install --no-fund --no-audit
	touch $@
