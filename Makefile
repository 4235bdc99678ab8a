# `make run` shows the service at work, `make test` runs everything CI runs.

PYTHON ?= python3
VENV   ?= .venv
# A GPU that answers takes onnxruntime-gpu; overrule with EXTRA=cpu.
EXTRA  ?= $(shell nvidia-smi -L >/dev/null 2>&1 && echo gpu || echo cpu)
HOST   ?= 127.0.0.1
PORT   ?= 8000
SAMPLE ?= samples/blade-tip.jpg

BIN     := $(VENV)/bin
SERVICE := $(VENV)/.service-$(EXTRA)
ALL     := $(VENV)/.all-$(EXTRA)

.DEFAULT_GOAL := help
.PHONY: help environment run serve test lint format openapi bench report clean

help:
	@echo "make run      start the service, send it a photograph, leave the results in out/"
	@echo "make serve    keep the service running on HOST:PORT ($(HOST):$(PORT))"
	@echo "make test     all that CI runs: lint, types, openapi, tests"
	@echo "make bench    stages, speed and peers on the bundled photographs"
	@echo "make report   docs/results and the tables in README.md from the JSON files in docs/results"
	@echo "make report PICTURES=folder   the same, rates and distortions measured anew on your pictures"
	@echo "make lint     ruff and mypy;   make format   rewrite with ruff"
	@echo "make openapi  write openapi/openapi.json anew"
	@echo "make environment  all tools, also those for training, in $(VENV)"
	@echo "make clean    remove the environment, caches and out/"

# The folder is made anew when it belongs to the other runtime: the two must never share one.
$(SERVICE): pyproject.toml
	@if ls $(VENV)/.service-* >/dev/null 2>&1 && [ ! -e $@ ]; then rm -rf $(VENV); fi
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -e '.[$(EXTRA)]'
	@touch $@

# Training and test tools (torch among them) are only fetched for those who need them.
$(ALL): $(SERVICE)
	$(BIN)/python -m pip install --quiet -e '.[$(EXTRA),train,dev]'
	@touch $@

environment: $(ALL)

run: $(SERVICE)
	$(BIN)/python -m service.cli.demo $(SAMPLE) $(SAMPLE:.jpg=.mask.png) --out out

serve: $(SERVICE)
	$(BIN)/bladestream serve --host $(HOST) --port $(PORT)

lint: $(ALL)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(ALL)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: lint
	$(BIN)/python -m service.api.openapi --check openapi/openapi.json
	$(BIN)/python -m pytest
	@echo "make test: lint, types, openapi and tests passed"

openapi: $(SERVICE)
	$(BIN)/python -m service.api.openapi openapi/openapi.json

bench: $(SERVICE)
	$(BIN)/bladestream bench samples/*.jpg

# Pages, plots and the README's tables from the JSON files; with PICTURES what a folder of pictures is
# enough for is measured anew before.
report: $(ALL)
ifdef PICTURES
	$(BIN)/python -m models.evaluation rd --images "$(PICTURES)" --out docs/results --also standard --ms-ssim-model lite-ms-ssim
	$(BIN)/python -m models.evaluation lossless --images "$(PICTURES)" --out "docs/results/lossless/$(notdir $(PICTURES:/=))"
	$(BIN)/python -m models.evaluation profiles --images samples --masks samples --out docs/results
endif
	$(BIN)/python -m models.evaluation tables
	$(BIN)/python -m models.studies tables

clean:
	rm -rf $(VENV) out build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
