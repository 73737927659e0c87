# grace's image: the program that runs in pods, and nothing else. `cargo xtask image` makes the same without Docker.
#
#   docker build --tag registry.example.org/grace:0.1.0 .

# The release that `rust-version` of Cargo.toml names.
FROM rust:1.95.0-slim-trixie AS build
WORKDIR /grace
COPY . .
# Static: it runs beside any server image, whatever C library that has.
ENV CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C target-feature=+crt-static"
RUN cargo build --locked --release --package grace-cli --no-default-features --target x86_64-unknown-linux-gnu \
    && cp target/x86_64-unknown-linux-gnu/release/grace-cli /grace-cli

FROM scratch
COPY --from=build /grace-cli /grace-cli
USER 10001:10001
ENTRYPOINT ["/grace-cli"]
