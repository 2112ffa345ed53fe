# The control plane in one image, whose commands are `api …`, `loop …` and `control-plane …`.
#   make image      # or: make wheel && docker build -t control-plane:latest .
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
RUN python3 -m venv /opt/control-plane
# What is locked, to the byte, before the wheel: it changes less often.
COPY requirements/server.txt /build/
RUN /opt/control-plane/bin/pip install --no-cache-dir --disable-pip-version-check --quiet --require-hashes \
    --requirement /build/server.txt
COPY dist/*.whl /build/
RUN /opt/control-plane/bin/pip install --no-cache-dir --disable-pip-version-check --quiet --no-deps /build/*.whl \
    && /opt/control-plane/bin/pip check \
    && /opt/control-plane/bin/pip uninstall --quiet --yes pip
# What containers of functions get: the program, and certificates for images that have none.
COPY sdk/control_plane /runtime/control_plane
RUN cp /etc/ssl/certs/ca-certificates.crt /runtime/ca-certificates.pem 2>/dev/null \
    || cp /opt/control-plane/lib/python3*/site-packages/certifi/cacert.pem /runtime/ca-certificates.pem \
    && chmod -R a+rX /runtime

FROM ${PYTHON_IMAGE}
ARG VERSION=latest
ARG REVISION=unknown
LABEL org.opencontainers.image.title="control-plane" \
    org.opencontainers.image.description="A self-hosted control plane for functions as containers" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/control-plane /opt/control-plane
# For the images of functions: COPY --from=control-plane:latest /runtime /app
COPY --from=build /runtime /runtime
COPY compose/health_check.py /usr/local/bin/health-check
ENV PATH=/opt/control-plane/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /tmp
EXPOSE 5000
HEALTHCHECK --interval=10s --timeout=10s --start-period=2m CMD ["python3", "/usr/local/bin/health-check"]
CMD ["control-plane", "--help"]
