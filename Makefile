# Everything a developer types; `make` alone lists it.
.DEFAULT_GOAL := help
.PHONY: help setup demo test check fix generate docs serve new bench

PYTHON ?= python3
BIN := .venv/bin
OARLOCK := $(BIN)/oarlock
PIP := $(BIN)/python -m pip --disable-pip-version-check
# PyTorch comes first and alone, with the index of its CPU wheels beside PyPI's: from PyPI, pip would
# take the CUDA build and gigabytes with it.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
TORCH := $(shell sed -n 's/.*"\(torch==[^"]*\)".*/\1/p' pyproject.toml)
BENCHMARKS := generator site_build runtime activation torch_side attention_cpu
# Material's notice about MkDocs 2, which is pinned out.
export NO_MKDOCS_2_WARNING := 1

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/ready ## make .venv and install everything into it

.venv/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; ok = (3, 10) <= sys.version_info < (3, 14); sys.exit(None if ok else "Oarlock needs Python 3.10 to 3.13 (PaddlePaddle has no wheel for others), and this is " + sys.version.split()[0] + ": name another with make PYTHON=/path/to/python")'
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "Python's venv module is missing; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "Installing into .venv (PaddlePaddle and PyTorch are some 400 MB; once)"
	$(PYTHON) -m venv --clear .venv
	$(PIP) install --extra-index-url $(TORCH_INDEX) --no-deps $(TORCH)
	$(PIP) install -e '.[cpu,generator,test]'
	@touch $@

demo: setup ## the main job on real input: validate, generate, run the doctests, build both sites
	@$(OARLOCK) demo

test: setup check docs ## everything proven: checks, unit tests, doctests, strict sites, browser tests
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: setup ## lint, types, records, and drift of generated files, locks and evidence
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(OARLOCK) check
	$(OARLOCK) generate --check
	$(OARLOCK) lock --check
	$(OARLOCK) verify --check
	$(BIN)/python benchmarks/publish.py --check

fix: setup ## mend what can be mended
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(OARLOCK) check --fix
	$(OARLOCK) generate

generate: setup ## write docs, shim and JSON from the records
	@$(OARLOCK) generate

docs: setup generate ## build both language sites, strictly, into site/
	$(BIN)/python -m mkdocs build --strict -f mkdocs.yml
	$(BIN)/python -m mkdocs build --strict -f mkdocs.zh.yml

serve: setup ## serve the built sites on http://127.0.0.1:8000/
	@$(OARLOCK) serve

new: setup ## start a record: make new api=torch.add
	@test -n "$(api)" || { echo "say which API: make new api=torch.add"; exit 2; }
	@$(OARLOCK) new $(api)

bench: setup ## measure what README and site publish
	@for name in $(BENCHMARKS); do echo "== $$name"; $(BIN)/python -W ignore benchmarks/$$name.py || exit 1; done
	$(BIN)/python benchmarks/publish.py
