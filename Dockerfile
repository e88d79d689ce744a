# Nothing is compiled: there are wheels of everything for amd64 and arm64, so one stage is enough.
# To pin the base to the byte, put its digest behind the tag (python:…@sha256:…):
# `docker buildx imagetools inspect` tells it.
FROM python:3.12.15-slim-trixie

LABEL org.opencontainers.image.title="Immich Drop" \
      org.opencontainers.image.description="Guests drop photos and videos into an Immich library" \
      org.opencontainers.image.licenses="MIT"

WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir --only-binary=:all: --require-hashes -r requirements.txt
COPY LICENSE server.py ./
COPY web web
COPY immich_drop immich_drop
# Whoever it runs as may read this, under whichever umask it was checked out, and write to /data only.
RUN chmod -R a+rX . && python -m compileall -q immich_drop && mkdir -m 1777 /data

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    STATE_DB=/data/state.db
USER 1000:1000
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import http.client, os, sys; drop = http.client.HTTPConnection('localhost', int(os.environ.get('PORT') or 8080), timeout=4); drop.request('GET', '/healthz'); sys.exit(drop.getresponse().status != 200)"]
CMD ["python", "server.py"]
