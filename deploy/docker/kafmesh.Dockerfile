# syntax=docker/dockerfile:1

# The command line tools kafmesh and kafmesh-gen, for pipelines, from the root of the repository:
#   docker build -f deploy/docker/kafmesh.Dockerfile -t kafmesh .
#   docker run --rm -v "$PWD:/work" --user "$(id -u):$(id -g)" kafmesh generate --check
# Without `kafmesh dev`, which needs cargo beside it.

# Has no versions but digests: name one with --build-arg for builds that must not change.
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM rust:1.90.0-slim-bookworm AS build
WORKDIR /source
COPY . .
# The caches stay with the builder; the binaries are copied out of them, without the line numbers of
# backtraces, which are four fifths of their size. Cargo takes sources for built that are older than the
# cache, whatever is in them: those of another checkout would not be built.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/source/target,sharing=locked \
    find . -path ./target -prune -o -type f -exec touch {} + \
    && cargo build --release --locked --package kafmesh-cli --no-default-features \
    && cp target/release/kafmesh target/release/kafmesh-gen / \
    && strip --strip-debug /kafmesh /kafmesh-gen

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION
LABEL org.opencontainers.image.title="kafmesh" \
      org.opencontainers.image.description="Services on Kafka from a definition in YAML: check, generate, describe, draw." \
      org.opencontainers.image.source="https://github.com/syncromatics/kafmesh" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /kafmesh /usr/local/bin/kafmesh
COPY --from=build /kafmesh-gen /usr/local/bin/kafmesh-gen
USER 65532:65532
WORKDIR /work
ENTRYPOINT ["/usr/local/bin/kafmesh"]
