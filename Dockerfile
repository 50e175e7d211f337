# One image for every Plantwide process; the command says which (see docker-compose.yml).
FROM python:3.13-slim AS build
WORKDIR /build
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY hub hub
COPY connectors connectors
COPY migrations migrations
RUN python -m venv /opt/plantwide \
    && PIP_CONSTRAINT=constraints.txt /opt/plantwide/bin/pip install --no-cache-dir ".[mqtt,opcua,postgres]"

FROM python:3.13-slim
RUN useradd --system --create-home --home-dir /data plantwide
COPY --from=build /opt/plantwide /opt/plantwide
ENV PATH=/opt/plantwide/bin:$PATH PYTHONUNBUFFERED=1
USER plantwide
WORKDIR /data
VOLUME /data
EXPOSE 8000
ENTRYPOINT ["plantwide"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
