# docker build --tag matrepro .
# docker run --rm --volume "$PWD":/data matrepro finder predict --model gap_model SrTiO3
FROM python:3.11-slim

WORKDIR /opt/matrepro
COPY . .
RUN python -m pip install --no-cache-dir -c constraints.txt -e '.[baselines,explain]' \
    && useradd --create-home --uid 1000 user \
    && chown -R user /opt/matrepro/experiments/results

USER user
ENV MATREPRO_CACHE=/home/user/.cache/matrepro TF_CPP_MIN_LOG_LEVEL=3
WORKDIR /data
CMD ["matrepro", "--help"]
