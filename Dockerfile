# Lango in one image: `docker run … lango` serves; any other command of the command line follows the image's name, or
# `docker exec … lango <command>`. Without DATABASE_URL it keeps everything in SQLite on the volume /data.
# NODE_ENV=production refuses unsafe defaults: give MASTER_KEY and PUBLIC_URL.

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build

FROM node:24-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM node:24-bookworm-slim
LABEL org.opencontainers.image.title="Lango" \
      org.opencontainers.image.description="A self-hosted, multi-tenant M-PESA payment gateway" \
      org.opencontainers.image.licenses="MIT"
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 DATA_DIR=/data
WORKDIR /app
RUN install -d -o node -g node -m 0700 /data \
 && printf '#!/bin/sh\nexec node /app/dist/scripts/lango.js "$@"\n' > /usr/local/bin/lango \
 && chmod 0755 /usr/local/bin/lango
COPY package.json ./
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/dist/src dist/src
COPY --from=build /app/dist/scripts dist/scripts
COPY --from=build /app/dist/migrations dist/migrations
COPY src/simulator/assets dist/src/simulator/assets
COPY views dist/views
USER node
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/dist/scripts/lango.js"]
CMD ["serve"]
