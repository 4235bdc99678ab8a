# syntax=docker/dockerfile:1
# Two images from one recipe: `--target cpu`, and `gpu`, which is built when no target is named.
# onnxruntime-gpu 1.31 is made for CUDA 13 and cuDNN 9; change the two together.
ARG PYTHON_IMAGE=python:3.12-slim-bookworm
ARG CUDA_IMAGE=nvidia/cuda:13.0.1-cudnn-runtime-ubuntu24.04

# ---- environments: everything that is ever downloaded is downloaded here
FROM ${PYTHON_IMAGE} AS cpu-environment
WORKDIR /source
COPY . .
RUN python -m venv /opt/bladestream \
 && /opt/bladestream/bin/pip install --no-cache-dir --constraint .ci/constraints.txt '.[cpu]'

FROM ${CUDA_IMAGE} AS cuda-with-python
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*

FROM cuda-with-python AS gpu-environment
WORKDIR /source
COPY . .
RUN python3 -m venv /opt/bladestream \
 && /opt/bladestream/bin/pip install --no-cache-dir --constraint .ci/constraints.txt '.[gpu]'

# ---- images: an environment, a user without rights, nothing to write but /tmp and the archive
FROM ${PYTHON_IMAGE} AS cpu
COPY --from=cpu-environment /opt/bladestream /opt/bladestream
RUN install --directory --owner=10001 --group=10001 /var/lib/bladestream
ENV PATH=/opt/bladestream/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    BLADESTREAM_HOST=0.0.0.0 \
    BLADESTREAM_PORT=8000 \
    BLADESTREAM_PROVIDER=cpu
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=6s --start-period=60s --retries=3 CMD ["bladestream", "health"]
ENTRYPOINT ["bladestream"]
CMD ["serve"]

FROM cuda-with-python AS gpu
COPY --from=gpu-environment /opt/bladestream /opt/bladestream
RUN install --directory --owner=10001 --group=10001 /var/lib/bladestream
# auto, not cuda: without a GPU it serves from the CPU, and /healthz says so.
ENV PATH=/opt/bladestream/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    BLADESTREAM_HOST=0.0.0.0 \
    BLADESTREAM_PORT=8000 \
    BLADESTREAM_PROVIDER=auto
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=6s --start-period=60s --retries=3 CMD ["bladestream", "health"]
ENTRYPOINT ["bladestream"]
CMD ["serve"]
