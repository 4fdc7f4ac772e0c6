# A worker: takes jobs from the queue, trains on the CPU.
#   docker build -f docker/worker.Dockerfile -t s2convscn-worker .
# For a GPU: build with --build-arg TORCH=cuda, which takes PyPI's build of torch with gigabytes of
# CUDA libraries, run with --gpus all and set S2CONVSCN_DEVICE=cuda.

FROM python:3.11-slim AS build
ARG TORCH=cpu
WORKDIR /build
# What it needs is a layer of its own, which stays when the code changes.
COPY pyproject.toml constraints.txt ./
RUN case "$TORCH" in \
      cpu) set -- --extra-index-url https://download.pytorch.org/whl/cpu ;; \
      cuda) ;; \
      *) echo "TORCH=$TORCH: it is cpu or cuda" >&2; exit 1 ;; \
    esac \
    && python -m venv /opt/s2convscn \
    && python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; print(*p['dependencies'], *p['optional-dependencies']['worker'], sep='\n')" >requirements.txt \
    && /opt/s2convscn/bin/pip install --no-cache-dir "$@" --constraint constraints.txt --requirement requirements.txt
COPY README.md LICENSE ./
COPY jobs jobs
COPY models models
COPY s2convscn s2convscn
COPY worker worker
RUN /opt/s2convscn/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11-slim
# The same user as in the API's image: the two share the files under /data.
RUN useradd --uid 10001 s2convscn && install --directory --owner s2convscn /data
COPY --from=build /opt/s2convscn /opt/s2convscn
ENV PATH=/opt/s2convscn/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MPLCONFIGDIR=/tmp \
    S2CONVSCN_DATA_DIR=/data \
    S2CONVSCN_DEVICE=cpu
USER 10001
WORKDIR /data
VOLUME /data
# The worker of this very container answers the queue's ping, also while it trains.
HEALTHCHECK --interval=30s --timeout=20s --start-period=30s CMD ["python", "-P", "-c", \
    "import socket, sys; from jobs.queue import celery_app; from jobs.settings import load; answers = celery_app(load()).control.ping(timeout=5); sys.exit(not any(name.endswith('@' + socket.gethostname()) for answer in answers for name in answer))"]
CMD ["python", "-P", "-m", "worker"]
