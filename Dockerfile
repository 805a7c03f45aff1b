# The page on a processor, by a user who is not root: docs/hosting.md says how it is built and run.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

# libgomp is torch's; the rest comes as wheels.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /app
COPY requirements.txt constraints.txt ./
# torch for processors alone, a tenth of the size of that for GPUs; the version is the one that was tested.
RUN pip install "$(grep '^torch==' constraints.txt)" --index-url https://download.pytorch.org/whl/cpu \
    && pip install -r requirements.txt -c constraints.txt

COPY app.py README.md LICENSE CHANGELOG.md ./
COPY playground playground/
COPY tabs tabs/
COPY checkpoints checkpoints/

# /data is for what should last: history, and models of the Hub. Everything else stays as it is.
RUN useradd --uid 1000 --create-home playground \
    && mkdir /data \
    && chown playground:playground /data
USER playground

ENV PLAYGROUND_HOST=0.0.0.0 \
    PLAYGROUND_PORT=7860 \
    PLAYGROUND_HISTORY=/data/history \
    HF_HOME=/data/huggingface
VOLUME /data
EXPOSE 7860

HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ.get('PLAYGROUND_PORT', '7860'), timeout=8)"]

CMD ["python", "app.py"]
