# syntax=docker/dockerfile:1

FROM node:22.21.1-bookworm-slim AS front
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY app app
COPY templates templates
COPY static static
RUN node static/vendor.mjs

FROM python:3.11.14-slim-bookworm AS winnow
ENV PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 WINNOW_HOME=/data NUMBA_CACHE_DIR=/data/numba HF_HOME=/data/hub
WORKDIR /srv/winnow
# What programs that are verified run in.
RUN apt-get update && apt-get install --yes --no-install-recommends bubblewrap && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --user-group --home-dir /srv/winnow --shell /usr/sbin/nologin winnow \
    && install --directory --owner=winnow --group=winnow /data
COPY pyproject.toml constraints.txt README.md LICENSE ./
# What is pinned first, so that a change of the code does not install it anew.
RUN mkdir app workers && touch app/__init__.py workers/__init__.py \
    && pip install -c constraints.txt -e . && rm -r app workers
COPY app app
COPY workers workers
COPY migrations migrations
COPY templates templates
COPY --from=front /src/static static
RUN python -m compileall -q app workers migrations
USER winnow
# Compiled here and copied into a new volume: the first worker need not compile for 20 s.
RUN python -c "from app.curation.signals.warming import warm; warm()"
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
CMD ["winnow", "web", "--host", "0.0.0.0", "--port", "8000"]
