# The API: HTTP, uploads, results. No torch.
#   docker build -f docker/api.Dockerfile -t s2convscn-api .

FROM python:3.11-slim AS build
WORKDIR /build
# What it needs is a layer of its own, which stays when the code changes.
COPY pyproject.toml constraints.txt ./
RUN python -m venv /opt/s2convscn \
    && python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; print(*p['dependencies'], *p['optional-dependencies']['api'], sep='\n')" >requirements.txt \
    && /opt/s2convscn/bin/pip install --no-cache-dir --constraint constraints.txt --requirement requirements.txt
COPY README.md LICENSE ./
COPY app app
COPY jobs jobs
COPY models models
COPY s2convscn s2convscn
RUN /opt/s2convscn/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11-slim
# /data belongs to the user, and a new volume that is mounted there takes this over.
RUN useradd --uid 10001 s2convscn && install --directory --owner s2convscn /data
COPY --from=build /opt/s2convscn /opt/s2convscn
ENV PATH=/opt/s2convscn/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    S2CONVSCN_DATA_DIR=/data
USER 10001
WORKDIR /data
VOLUME /data
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["python", "-c", \
    "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ.get('S2CONVSCN_PORT') or 8000}/livez\", timeout=4)"]
CMD ["python", "-P", "-m", "app"]
