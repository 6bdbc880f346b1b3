# Every target does the set-up that it needs, and only what changed since.
#
#   make demo    start the stack, hold a conversation, verify the log
#   make up      start the stack and leave it running      make down   stop it
#   make test    check, then all tests on the real components
#   make check   the lock, format, lint, types, arrows between packages, schemas, generated files
#   make generate  write what is generated: records, topics.yaml, pages of docs/
#   make golden  write the golden log of the present code: after an outcome changed, agents/changes.py
#   make mutants how many one-line changes of the steps the golden logs notice: N= SEED= ONLY=agents/FILE.py,
#                PROCESSES=, KEEP=FILE for what was judged: who was interrupted goes on;
#                NOT_RUN=1 lists the lines that no golden log runs
#   make compatibility  the golden logs under other versions of lxml, markdown-it-py, tokenizers, regex and Python (PYTHONS=)
#   make chaos   kills and pauses under load, judged by log and clients: SEED= REQUESTS= MINUTES= KILLS= WORKERS=,
#                other faults: FAULTS=network|brokers|registry|topics|disk|workers|all (docs/faults.md),
#                or one component away: OUTAGE=broker AWAY_S=60; JSON=FILE for the result
#   make poisons hostile records, requests and documents on a stack, while others chat: ONLY= JSON=FILE
#   make conformance  OpenAPI, AsyncAPI and GraphQL held to their standards, by requests that schemathesis makes of them:
#                SECONDS=600 SEED=; URL= KEY= of a gateway that runs, else one is served for it
#   make bench   latencies and rates, as ratios to a baseline: ONLY=answers,transports,chats,scale,flood,quality
#   make bench ONLY=conversations  in memory, without a stack; SHOW=1 shows what went wrong
#   make bench ONLY=replay  verifying and sealing a log: no stack; REQUESTS=1000000 for the memory at as many records
#   make bench ONLY=sockets thousands of idle WebSockets beside streaming ones: five minutes
#   make bench ONLY=starts  a gateway's start and memory on a long log: REQUESTS=1000000
#   make bench ONLY=costs   CPU of a chat by program, what its first text waits for: some five minutes
#   make bench ONLY=peers   a chat and a document beside Haystack and Quix Streams: half an hour; QUICK=1, JSON=1
#   make setup   the environment, the parts and the compiled codec alone       make clean  undo what make made here

export PYTHON ?= python3.11
# a hundred tests start Python: each start would compile every library anew
unexport PYTHONDONTWRITEBYTECODE

bin := .venv/bin
synced := .venv/.synced
benched := .venv/.synced-bench
peered := .venv/.synced-peers
compared := $(if $(findstring peers,$(ONLY)),$(peered),$(benched))

.DEFAULT_GOAL := help
.PHONY: codec golden mutants compatibility conformance help setup parts demo up down test check generate chaos poisons bench clean
.DELETE_ON_ERROR:

help:
	@sed -n 's/^#   //p' Makefile

setup: $(synced) parts codec

$(synced): pyproject.toml uv.lock infra/local/sync
	infra/local/sync
	@touch $@

parts: $(synced)
	@"$(bin)"/playhead parts >/dev/null

# as machine code where there is a C compiler; where there is none, it says so, and the same runs as Python
codec: $(synced)
	@"$(bin)"/python -m schemas.compiled || :

demo: setup
	@"$(bin)"/playhead demo

up: setup
	@"$(bin)"/playhead up --detach

down: $(synced)
	@"$(bin)"/playhead down

test: check setup
	"$(bin)"/pytest -n 2 --dist loadgroup --no-loadscope-reorder

# side by side, the longest first; what each says comes in one piece
checks := check-types check-lock check-format check-lint check-arrows check-generated
.PHONY: $(checks)

check: $(synced)
	@"$(MAKE)" --no-print-directory --jobs=2 --output-sync=target $(checks)

check-types:
	"$(bin)"/mypy

check-lock:
	infra/local/sync --check

check-format:
	"$(bin)"/ruff format --check .

check-lint:
	"$(bin)"/ruff check .

check-arrows:
	"$(bin)"/lint-imports

check-generated:
	"$(bin)"/python -m schemas.check
	"$(bin)"/python -m infra.kafka.deploy --check
	"$(bin)"/python -m infra.kafka.acls --check
	"$(bin)"/python -m infra.docs --check
	"$(bin)"/python -m tests.edge.conformance.interfaces

generate: $(synced)
	"$(bin)"/python -m schemas.generate
	"$(bin)"/python -m infra.kafka.deploy
	"$(bin)"/python -m infra.kafka.acls
	"$(bin)"/python -m infra.docs

golden: setup
	"$(bin)"/python -m tests.golden.make_golden $(RELEASE)

mutants: setup
	@TOKENIZERS_PARALLELISM=false "$(bin)"/python -m tests.golden.mutants \
	  $(if $(N),-n $(N)) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY)) \
	  $(if $(PROCESSES),--processes $(PROCESSES)) $(if $(KEEP),--keep $(KEEP)) $(if $(NOT_RUN),--not-run)

compatibility: setup
	@$(if $(PYTHONS),PYTHONS="$(PYTHONS)") "$(bin)"/python -m tests.golden.compatibility

chaos: setup
	@"$(bin)"/python -m tests.chaos.harness $(if $(SEED),--seed $(SEED)) \
	  $(if $(REQUESTS),--requests $(REQUESTS)) $(if $(MINUTES),--minutes $(MINUTES)) \
	  $(if $(KILLS),--kills $(KILLS)) $(if $(WORKERS),--workers $(WORKERS)) \
	  $(if $(FAULTS),--faults $(FAULTS)) \
	  $(if $(OUTAGE),--outage $(OUTAGE)) $(if $(AWAY_S),--away-s $(AWAY_S)) \
	  $(if $(JSON),--json $(JSON))

poisons: setup
	@"$(bin)"/python -m tests.chaos.poisons $(if $(ONLY),--only $(ONLY)) $(if $(JSON),--json $(JSON))

conformance: $(synced)
	@"$(bin)"/python -m tests.edge.conformance $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED)) \
	  $(if $(URL),--url $(URL)) $(if $(KEY),--key $(KEY))

# what the runner is measured beside; a fresh .synced has removed it
$(benched): $(synced)
	infra/local/sync --group bench
	touch $@

# what a chat is measured beside
$(peered): $(synced)
	infra/local/sync --group bench --group peers
	touch $(benched) $@

bench: setup $(compared)
	@"$(bin)"/python -m bench $(if $(ONLY),--only $(ONLY)) $(if $(REQUESTS),--requests $(REQUESTS)) $(if $(QUICK),--quick) $(if $(SHOW),--show) $(if $(JSON),--json)

# the parts stay: they are in the user's cache, and other clones use them too
clean:
	@test ! -x "$(bin)"/playhead || "$(bin)"/playhead down
	rm -rf .venv .playhead dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
