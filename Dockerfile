# syntax=docker/dockerfile:1

# The bundle is the same on every platform: build it once, on the builder's own.
FROM --platform=$BUILDPLATFORM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# No install scripts: esbuild works without its own, and the image brings the Node that the "node" package would fetch.
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts
COPY tsconfig.json build.ts ./
COPY src/ src/
# Not "npm run build": npm would put node_modules/.bin/node first, which has no binary without its install script.
RUN node build.ts

FROM gcr.io/distroless/nodejs24-debian12:nonroot
LABEL org.opencontainers.image.title="Pullpass" \
      org.opencontainers.image.description="Keeps registry credentials working across a Kubernetes cluster" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
# The bundle is an ES module: the package.json says so.
COPY --from=build /build/package.json /build/dist/pullpass.js /build/dist/pullpass.js.LEGAL.txt /app/
# By number: "runAsNonRoot" cannot tell what a name stands for.
USER 65532:65532
ENTRYPOINT ["/nodejs/bin/node", "/app/pullpass.js"]
CMD ["--help"]
