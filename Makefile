# Every target sets up all it needs by itself: Python 3.11 or newer, make and a package index are enough.
.DELETE_ON_ERROR:
.PHONY: uv install-uv install install-stack demo dev test pytest lint-beside docker-beside beside-lint beside-docker chaos upgrade misbehaviour schedules-chaos fan-out wide big-data bench bench-queue bench-ecs bench-ecs-pace bench-search console-load check lint format record reference screenshots lock wheel image release stand-in-images test-docker test-prometheus test-webhooks clean

# Bytecode is kept: tests start hundreds of processes, and each of them would compile all of ours again.
unexport PYTHONDONTWRITEBYTECODE

# The first that is new enough; `make PYTHON=/path/to/python3.11` decides otherwise.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.14 python3; do \
	"$$python" -c "$(NEW_ENOUGH)" 2>/dev/null && echo "$$python" && break; done)

# What is installed is uv's to find out, each time and within a moment. Another interpreter than the one that .venv/ has is
# used only if it is asked for.
INSTALL = .uv/bin/python -m requirements.install $(if $(filter file undefined,$(origin PYTHON)),,--python "$(PYTHON)")

# .venv/ for everything here. What `make demo` and `make dev` need is a third of it.
install: uv
	@$(INSTALL) development

install-stack: uv
	@$(INSTALL) stack

# uv, in an environment of its own, by pip: so it comes from the index and by the certificates that pip is configured with.
uv:
	@cmp -s requirements/installation.txt .uv/installed.txt && .uv/bin/python -c "" 2>/dev/null || \
		$(MAKE) --no-print-directory install-uv

install-uv:
	@test -n "$(PYTHON)" && "$(PYTHON)" -c "$(NEW_ENOUGH)" || \
		{ echo "Python 3.11 or newer is needed; name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Installing uv into .uv/"
	@"$(PYTHON)" -m venv --clear .uv
	@.uv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes \
		--requirement requirements/installation.txt
	@cp requirements/installation.txt .uv/installed.txt

# Solve a real problem on the real stack; KEEP=1 leaves the stack running.
demo: install-stack
	@.venv/bin/control-plane demo --examples examples $(if $(KEEP),--keep)

# The embedded stack until Ctrl-C; make dev OPTIONS="--port 5001".
dev: install-stack
	@.venv/bin/control-plane dev $(OPTIONS)

PROMETHEUS_TESTS := tests/observability/test_prometheus.py
HAS_PROMETHEUS := $(shell command -v prometheus)
HAS_CHROMIUM := $(or $(shell command -v chromium-headless-shell),$(shell command -v chromium))

# Side by side, as all of them wait for long: what needs no engine, what needs one, and lint.
test: install
	@$(MAKE) --no-print-directory --jobs pytest docker-beside lint-beside
	$(if $(HAS_PROMETHEUS),,@echo "prometheus: not run, as it is not installed (apt-get install prometheus)")
	$(if $(HAS_CHROMIUM),,@echo "chromium: the console in a browser was not looked at, as it is not installed (apt-get install chromium-headless-shell)")
	@test -n "$$(git status --porcelain 2>&1)" || git rev-parse HEAD >.tested

# Some tests call make, which is not to do as it was told here. What fails beside all others is run once more by itself,
# and both are said: that tells a machine that is too busy from a defect.
PYTEST := env -u MAKEFLAGS -u MFLAGS .venv/bin/python -m pytest -p tests.counts -p tests.handing_out --no-loadscope-reorder
BY_THEMSELVES := --numprocesses 0 --last-failed --last-failed-no-failures none --maxfail 1

pytest: COMMAND = $(PYTEST) --platforms process,ecs $(if $(HAS_PROMETHEUS),,--ignore=$(PROMETHEUS_TESTS)) \
	$(if $(HAS_CHROMIUM),,--ignore=tests/console)
pytest: install
	$(COMMAND) --numprocesses 3 || { echo "== once more, by itself, what failed beside others"; $(COMMAND) $(BY_THEMSELVES); }

# What is beside is said in one piece.
lint-beside docker-beside: %-beside: install
	@said=$$($(MAKE) --no-print-directory beside-$* 2>&1) && status=0 || status=$$?; echo "$$said"; exit $$status

beside-lint: lint

beside-docker:
	@if docker info >/dev/null 2>&1 && test "$$(id -u)" = 0; then $(MAKE) --no-print-directory test-docker; \
	else echo "docker: not run, as there is no engine, or this is not root"; fi

# Kill anything, for ten minutes; make chaos MINUTES=3 SEED=7 does what the seed says. PROVISIONER=ecs for tasks;
# REPLACE_TEMPORAL=1 has Temporal lose its state once, in the middle; REUSE=1 has functions that keep their containers.
chaos: install
	@.venv/bin/python -m tests.chaos $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED)) \
		$(if $(PROVISIONER),--provisioner $(PROVISIONER)) $(if $(REPLACE_TEMPORAL),--replace-temporal) $(if $(REUSE),--reuse)

# Another release under running work, and back again; FROM=REF, by default the last tag. ONE_WAY=1 does not go back.
upgrade: install
	@.venv/bin/python -m tests.upgrade $(if $(FROM),--from $(FROM)) $(if $(ONE_WAY),--one-way)

# A schedule every two seconds, for a minute in which api, loop and Temporal are killed by turns; SECONDS=600 for longer.
schedules-chaos: install
	@.venv/bin/python -m tests.resilience.schedules $(if $(SECONDS),--seconds $(SECONDS))

# 10,000 calls by one map, while api and loop are killed; some minutes, make fan-out INPUTS=1000 fewer.
fan-out: install
	@.venv/bin/python -m tests.fan_out $(if $(INPUTS),--inputs $(INPUTS))

# A thousand containers of one function at once, and a queue behind them; four minutes.
wide: install
	@.venv/bin/python -m tests.wide $(if $(WIDTHS),--widths $(WIDTHS))

# 200 MiB in and out, while api and a container are killed; SIZE=1024 for 1 GiB, PROVISIONER=ecs for tasks and S3, docker
# for containers of this machine's engine.
big-data: install
	@.venv/bin/python -m tests.big_data $(if $(SIZE),--size $(SIZE)) $(if $(PROVISIONER),--provisioner $(PROVISIONER))

# 300 programs that misbehave, drawn at random; where there is an engine, a tenth of them on docker too.
misbehaviour: install
	MISBEHAVIOURS=300 .venv/bin/python -m pytest --timeout 1200 tests/misbehaviour
	@if docker info >/dev/null 2>&1; then MISBEHAVIOURS=300 .venv/bin/python -m pytest --timeout 600 --platforms docker \
		tests/docker/test_misbehaviour.py; else echo "docker: not run, as there is no engine"; fi

# What the control plane costs, in twenty minutes; make bench QUICK=1 in five minutes. JSON=FILE for the table;
# ONLY_WARM=1 for containers that are reused alone.
bench: install
	@.venv/bin/python -m benchmarks $(if $(QUICK),--quick) $(if $(ONLY_WARM),--only-warm) $(if $(JSON),--json "$(JSON)")

# What concurrency keys and priorities cost where 10,000 wait, and whether they hold; WAITING=2000 for fewer.
bench-queue: install
	@.venv/bin/python -m benchmarks.queue $(if $(WAITING),--waiting $(WAITING))

# How sparingly and how fast AWS is used, measured on the stand-in for it.
bench-ecs: install
	@.venv/bin/python -m benchmarks.ecs $(if $(MINUTES),--minutes $(MINUTES))

# How soon short functions are done at AWS's pace, and what starts that fail cost; SCALE=0.05 for twice the speed.
bench-ecs-pace: install
	@.venv/bin/python -m benchmarks.ecs_pace $(if $(SCALE),--scale $(SCALE))

# How soon 500 that failed are found among a million invocations, and replayed, and the console shows them; COUNT=50000 for fewer.
bench-search: install
	@.venv/bin/python -m benchmarks.search $(if $(COUNT),--count $(COUNT))

# 200 pages of the console that are open while invocations run: what they cost, and that they miss nothing while api is
# killed; two minutes. PAGES=1000 for more.
console-load: install
	@.venv/bin/python -m tests.console.load $(if $(PAGES),--pages $(PAGES))

# What is quick enough to run before every commit.
check: lint
	.venv/bin/python -m pytest -p tests.counts tests/unit tests/replay tests/architecture

# Formatting, style, types, who imports whom, CloudFormation, and whether the requirement files are of the lock file.
lint: install
	.venv/bin/black --quiet --check .
	.venv/bin/ruff check --quiet .
	.venv/bin/mypy .
	.venv/bin/lint-imports
	.venv/bin/cfn-lint infrastructure/*.yaml
	.venv/bin/python -m requirements.comparison

format: install
	.venv/bin/black --quiet .
	.venv/bin/ruff check --quiet --fix .

# Record the histories of scenarios that have none yet; the replay tests hold the workflows to them.
record: install
	.venv/bin/python -m tests.replay.record

# docs/rest.md, from the API's own description, the verbs in docs/command-line.md, from their help, and
# docs/client-reference.md, from docstrings.
reference: install
	@mkdir -p dist
	@.venv/bin/generate-schema --schema-output dist/openapi.json --error-types-output dist/error_types.json \
		--reference-output docs/rest.md
	@.venv/bin/python -m control_plane_server.cli.reference docs/command-line.md
	@.venv/bin/python -m control_plane_server.cli.client_reference docs/client-reference.md

# docs/images: the console, Temporal's Web UI, /docs, by Chromium.
screenshots: install
	@.venv/bin/python -m tests.console.screenshots
	@.venv/bin/python -m tests.docs.screenshots

# poetry.lock from pyproject.toml, and the requirement files from poetry.lock, by Poetry in .poetry/.
lock: uv
	@.uv/bin/python -m requirements.lock

wheel: uv
	@.uv/bin/python -m requirements.build dist

# The control plane, control-plane:latest, and what containers of functions need of it, control-plane-runtime:latest;
# IMAGE_OPTIONS="--build-arg PYTHON_IMAGE=… --build-arg RUNTIME_BASE=…" for other bases.
image: install
	@rm -rf dist
	@$(MAKE) --no-print-directory wheel
	docker build --quiet --tag control-plane:latest --build-arg REVISION="$$(git rev-parse HEAD)" $(IMAGE_OPTIONS) .
	docker build --quiet --tag control-plane-runtime:latest --build-arg REVISION="$$(git rev-parse HEAD)" --file Dockerfile.runtime $(IMAGE_OPTIONS) .

# make release VERSION=0.1.0: checks, wheels, image, tag; it pushes nothing. DRY_RUN=1 for all but the tag, TESTED=1 if
# `make test` has passed elsewhere, IMAGE=0 if the image is built elsewhere; IMAGE_OPTIONS as for `make image`.
release: install
	@.venv/bin/python -m release "$(VERSION)" $(if $(DRY_RUN),--dry-run) $(if $(TESTED),--tested) \
		$(if $(filter 0,$(IMAGE)),--without-image) --image-options='$(IMAGE_OPTIONS)'

# Where no registry can be reached: images under the names of those that are based on or that docker-compose.yml names.
stand-in-images: install
	@tests/docker/stand_ins/build

# The docker provisioner, the image and docker-compose.yml on this machine's Docker engine, as root. What the images below
# are, a registry says, or their stand-ins where none can be reached.
IMAGES := python:3.13-slim busybox:1.37 postgres:17 nginx:1.28 temporalio/server:1.32.0 temporalio/admin-tools:1.32.0 temporalio/ui:2.54.1
# Its temporary files have a folder of their own: whenever a run of pytest begins, it closes the folder of all its runs to
# other users, and PostgreSQL's is one, whose start in the run beside this one would fail.
test-docker: COMMAND = $(PYTEST) -o cache_dir=.pytest_cache/docker --basetemp "$$folder" --platforms docker tests/docker \
	$(addprefix tests/e2e/test_,lifecycle.py stops.py commands.py events.py secrets.py data.py warm.py warm_containers.py warm_logs.py)
test-docker: install
	@for image in $(IMAGES); do docker image inspect $$image >/dev/null 2>&1 || docker pull --quiet $$image || \
		{ $(MAKE) --no-print-directory stand-in-images; break; }; done
	@$(MAKE) --no-print-directory image
	folder=$$(mktemp -d) && \
		{ $(COMMAND) --numprocesses 2 || { echo "== once more, by itself, what failed beside others"; $(COMMAND) $(BY_THEMSELVES); }; } && \
		rm -r "$$folder"

# The dashboard's queries and the alerts, on the real program, which must be installed: apt-get install prometheus.
test-prometheus: install
	.venv/bin/python -m pytest -p tests.counts $(PROMETHEUS_TESTS)

# What receivers in another language verify: the reference library of Standard Webhooks for JavaScript.
test-webhooks: install
	npm install --silent --no-audit --no-fund --no-save --prefix dist/standardwebhooks standardwebhooks@1.1
	STANDARD_WEBHOOKS=$(CURDIR)/dist/standardwebhooks .venv/bin/python -m pytest -p tests.counts \
		tests/webhooks/test_reference_verifier.py

clean:
	rm -rf .venv .venv.lock .uv .poetry dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
