# The image of every program: a Node, and the bundles that `make build` writes to dist/. `make image` does both.
# BASE is any image with /usr/local/bin/node and glibc. Where no registry of images can be reached, `make image` makes one
# from the npm package of Node and a few of Debian's libraries; only COPY is used here, since that one has no shell.
ARG BASE=node:26-bookworm-slim
FROM ${BASE}
ENV NODE_ENV=production PATH=/app/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
COPY dist/ /app/
USER 65532:65532
# The warning: a dependency of the operator's base class uses Node's punycode, which works; the logs are JSON lines only.
ENTRYPOINT ["node", "--disable-warning=DEP0040", "/app/zabkeeper.mjs"]
