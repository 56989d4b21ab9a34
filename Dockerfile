# The image of every program: a Node, and the bundles that `make build` writes to dist/. `make image` does both.
# BASE is any image with /usr/local/bin/node and glibc. Where no registry of images can be reached, `make image` makes one
# from the npm package of Node and a few of Debian's libraries; only COPY is used here, since that one has no shell.
ARG BASE=node:26-bookworm-slim
FROM ${BASE}
ENV NODE_ENV=production PATH=/app/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
COPY dist/ /app/
USER 65532:65532
ENTRYPOINT ["node", "/app/zabkeeper.mjs"]
