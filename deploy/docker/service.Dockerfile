# syntax=docker/dockerfile:1

# A service, from the root of its workspace; PACKAGE is the cargo package and its binary:
#   docker build -f deploy/docker/service.Dockerfile --build-arg PACKAGE=clicks -t clicks .
# In this repository it builds the examples; copy it into yours, with .dockerignore.

# Has no versions but digests: name one with --build-arg for builds that must not change.
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM rust:1.90.0-slim-bookworm AS build
# librdkafka is C and C++; OpenSSL, with the feature ssl-vendored of kafmesh, needs Perl.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ make perl \
    && rm -rf /var/lib/apt/lists/*
# The image below has no zlib to link to.
ENV LIBZ_SYS_STATIC=1
WORKDIR /source
COPY . .
ARG PACKAGE
# The caches stay with the builder; the binary is copied out of them, without the line numbers of
# backtraces, which are four fifths of its size. Cargo takes sources for built that are older than the
# cache, whatever is in them: those of another checkout would not be built.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/source/target,sharing=locked \
    find . -path ./target -prune -o -type f -exec touch {} + \
    && cargo build --release --locked --package "${PACKAGE:?name the package with --build-arg}" \
    && cp "target/release/${PACKAGE}" /service \
    && strip --strip-debug /service \
    && mkdir /state

FROM ${BASE}
ARG PACKAGE
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="${PACKAGE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /service /usr/local/bin/service
# Mount a volume here, or the tables are restored from Kafka at every start.
COPY --from=build --chown=65532:65532 /state /state
USER 65532:65532
ENV KAFMESH_LISTEN=0.0.0.0:50051 \
    KAFMESH_STATE_DIR=/state
EXPOSE 50051
ENTRYPOINT ["/usr/local/bin/service"]
