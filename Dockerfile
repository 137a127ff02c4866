# limen in an image of one file: a static program, no shell, no root. Build: docker build -t limen .
# Run it with a folder for its configuration and data: docker run -v limen:/data -p 127.0.0.1:4433:4433 limen
FROM rust:1.95-alpine AS build
RUN apk add --no-cache build-base cmake linux-headers perl
WORKDIR /src
COPY . .
# What is compiled stays in the cache of the builder; the program itself has to be copied out of it.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --profile published -p limen \
 && install -D target/published/limen /out/limen \
 && install -d -o 65532 -g 65532 -m 0700 /out/data

FROM scratch
COPY --from=build /out/limen /limen
# An empty folder of the user's own: volumes that are mounted here for the first time take over its owner.
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
WORKDIR /data
# Other containers and the host reach what listens on all addresses; the admin API listens on the container's loopback alone.
ENV SERVE_PUBLIC_HOST=0.0.0.0 SERVE_PAGES_HOST=0.0.0.0 SERVE_ADMIN_HOST=127.0.0.1
EXPOSE 4433 4455
VOLUME /data
HEALTHCHECK --interval=10s --timeout=4s --start-period=10s CMD ["/limen", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/limen"]
CMD ["serve", "--data", "/data"]
