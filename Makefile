PYTHON ?= python3
VENV   ?= .venv
PORT   ?= $(or $(S2CONVSCN_PORT),8000)
PROJECT ?= s2convscn
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

# SET and METHOD choose the runs of make bench; these add to them, each by its name
CHOSEN = $(or $(SET),$(error Say which: SET=orl, olivetti, coil20, coil100 or yaleb))
BENCH := LEAGUE SEEDS DATA N_CLUSTERS TRIALS CLASSES LABEL PRESET THREADS DEVICE CACHE
SPEED := SETS KINDS DATA ROUNDS THREADS
WHOLE := orl,coil20,yaleb,coil100
# what make up PROFILE=watch and PROFILE=s3 set
TRACES := API_TRACES_ENDPOINT=http://127.0.0.1:4318 WORKER_TRACES_ENDPOINT=http://jaeger:4318
BUCKET := ARTIFACTS_URL=s3://s2convscn API_S3_ENDPOINT=http://127.0.0.1:8333 WORKER_S3_ENDPOINT=http://objects:8333
lower  = $(shell echo $(1) | tr A-Z_ a-z-)
given  = $(foreach name,$(1),$(if $($(name)),--$(call lower,$(name)) '$($(name))'))

.PHONY: demo test check serve up test-slow fuzz chaos image-check load bench bench-speed bench-table bench-solvers gpu-check bench-held-out bench-number bench-views bench-landmarks bench-tables bench-figure pictures format clean

demo: $(READY)        ## cluster a real image set over HTTP, from nothing to pictures
	$(BIN)/s2convscn demo

test: $(READY)        ## the test suite: a process for each core, up to four, of one thread each
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile \
	  -m "not slow and not chaos and not fuzz and not images"

check: $(READY)       ## lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

serve: $(READY)       ## API, one worker and broker in the foreground; Ctrl-C stops all
	$(BIN)/s2convscn serve --port $(PORT)

up: secrets/redis_password secrets/postgres_password secrets/s3_secret_key  ## the containers [PROFILE=watch|gpu|s3]; 'docker compose -p s2convscn down' stops them
	$(if $(filter s3,$(PROFILE)),$(BUCKET)) $(if $(filter watch,$(PROFILE)),$(TRACES)) docker compose --project-name $(PROJECT) $(if $(PROFILE),--profile $(PROFILE)) up --build --detach

secrets/%:
	mkdir -p -m 700 secrets
	$(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(24))' >$@
	chmod 444 $@  # the containers' users read it; nobody else gets into the folder

test-slow: $(READY)   ## every method and the paper's image sets over HTTP; S2CONVSCN_BENCH_DATA names their folder
	$(BIN)/python -m pytest -m slow -s --timeout=7200

fuzz: $(READY)        ## requests made up from the OpenAPI document, against a live stack, at length
	$(BIN)/python -m pytest -m fuzz -s --timeout=3600

chaos: $(READY)       ## a hundred faults of live stacks; S2CONVSCN_CHAOS_SEED, S2CONVSCN_CHAOS_FAULTS
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m chaos -s --timeout=3600

bench: $(READY)       ## SET=orl|olivetti|coil20|coil100|yaleb METHOD=table5: docs/benchmarks.md
	$(BIN)/python -m benchmarks run $(call given,$(BENCH)) \
	  $(foreach pair,$(OVERRIDES),--set '$(pair)') $(CHOSEN) $(or $(METHOD),s2convscn-l1)

bench-speed: $(READY)  ## [LARGE=1 SETS KINDS DATA ROUNDS THREADS]: epochs, memory, spectral rounds
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m benchmarks speed $(call given,$(SPEED)) $(if $(LARGE),--large)

image-check: $(READY) ## the images: make up under a container engine, and without one in overlays of this machine's root
	$(BIN)/python -m pytest -m images -rs -s --timeout=1800

load: $(READY)        ## [RATE STREAMS SECONDS UPLOAD]: the service under load while a job trains, loopback alone
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m benchmarks load $(call given,RATE STREAMS SECONDS UPLOAD)

bench-table: $(READY)  ## [DATA THREADS]: Tables 2 (n = 10, 38) and 5 of the methods without a network
	for set in orl coil20; do $(BIN)/python -m benchmarks run $(call given,DATA THREADS CACHE) $$set shallow || exit 1; done
	$(BIN)/python -m benchmarks run $(call given,DATA THREADS CACHE) --seeds 3 yaleb shallow
	$(BIN)/python -m benchmarks run $(call given,DATA THREADS CACHE) --seeds 1 --n-clusters 10 yaleb shallow
	$(BIN)/python -m benchmarks run $(call given,DATA THREADS CACHE) --seeds 1 coil100 shallow

bench-solvers: $(READY) ## [SETS DATA ROUNDS THREADS]: solvers beside scikit-learn's and the published ones
	$(BIN)/python -m benchmarks speed $(call given,$(filter-out KINDS,$(SPEED))) --kinds solvers

gpu-check: $(READY)   ## [SETS DATA ROUNDS]: a CUDA device beside the CPU, its speed and memory
	$(BIN)/python -m pytest -rs tests/models/test_gpu.py
	$(BIN)/python -m benchmarks speed --kinds gpu \
	  $(call given,DATA ROUNDS) --sets '$(or $(SETS),$(WHOLE))'

bench-held-out: $(READY) ## [SETS SEEDS DATA THREADS DEVICE]: images that were not trained on, by the head
	$(BIN)/python -m benchmarks held-out $(call given,SETS SEEDS DATA THREADS DEVICE)

bench-number: $(READY) ## [DATA THREADS]: how many clusters auto would choose, where it is known
	$(BIN)/python -m benchmarks number $(call given,DATA THREADS)

bench-views: $(READY) ## [SETS DATA THREADS]: what the choice of a view rests on
	$(BIN)/python -m benchmarks views $(call given,SETS DATA THREADS)

bench-start: $(READY) ## [ROUNDS]: tiny jobs, with what a trainer needs loaded for each, or once
	$(BIN)/python -m benchmarks start $(call given,ROUNDS)

bench-landmarks: $(READY) ## [KINDS SETS DATA THREADS DEVICE]: fits to some of up to 70,000 images, an hour
	$(BIN)/python -m benchmarks landmarks $(call given,KINDS SETS DATA THREADS DEVICE)

bench-tables: $(READY) ## the tables of docs/benchmarks.md, methods.md and operations.md, from the records
	$(BIN)/python -m benchmarks tables --into docs/benchmarks.md --into docs/methods.md \
	  --into docs/operations.md

bench-figure: $(READY) ## SET=... [METHOD N_CLUSTERS TRIAL SEED LEAGUE LABEL]: the curves of a run
	$(BIN)/python -m benchmarks figure $(call given,LEAGUE LABEL N_CLUSTERS TRIAL SEED) \
	  $(CHOSEN) $(or $(METHOD),s2convscn-l1)

pictures: $(READY)    ## the README's pictures of the web page, by Chromium
	PYTHONPATH=tests/live $(BIN)/python tests/live/page_pictures.py

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build *.egg-info

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip setuptools --constraint constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[api,worker,dev]'
	touch $(READY)
