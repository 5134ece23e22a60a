# syntax=docker/dockerfile:1

# kafmesh-discover, from the root of the repository:
#   docker build -f deploy/docker/kafmesh-discover.Dockerfile -t kafmesh-discover .

# Has no versions but digests: name one with --build-arg for builds that must not change.
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM rust:1.90.0-slim-bookworm AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ make perl \
    && rm -rf /var/lib/apt/lists/*
# The image below has no zlib to link to.
ENV LIBZ_SYS_STATIC=1
WORKDIR /source
COPY . .
# The caches stay with the builder; the binary is copied out of them, without the line numbers of
# backtraces, which are four fifths of its size. Cargo takes sources for built that are older than the
# cache, whatever is in them: those of another checkout would not be built.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/source/target,sharing=locked \
    find . -path ./target -prune -o -type f -exec touch {} + \
    && cargo build --release --locked --package kafmesh-discover --features ssl-vendored \
    && cp target/release/kafmesh-discover /kafmesh-discover \
    && strip --strip-debug /kafmesh-discover

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION
LABEL org.opencontainers.image.title="kafmesh-discover" \
      org.opencontainers.image.description="Asks the processes of a kafmesh what runs in them, and shows the whole." \
      org.opencontainers.image.source="https://github.com/syncromatics/kafmesh" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /kafmesh-discover /usr/local/bin/kafmesh-discover
USER 65532:65532
ENV KAFMESH_DISCOVER_LISTEN=0.0.0.0:8080
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/kafmesh-discover"]
