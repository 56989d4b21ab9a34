import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { CodedError } from '../../common/errors.ts';

/** What the endpoints report. */
export interface EndpointSources {
  /** Why the process is not ready; undefined when it is. Ready means: its caches are filled, leading or not. */
  readonly notReady: () => string | undefined;
  readonly registry: Registry;
}

/** `/livez`, `/readyz` and `/metrics` over HTTP. */
export class HttpEndpoints {
  readonly #server: Server;

  constructor(sources: EndpointSources) {
    this.#server = createServer((request, response) => {
      // A probe that hangs up early is no reason to stop.
      answer(sources, request, response).catch(() => response.destroy());
    });
  }

  /**
   * @param port 0 takes a free one
   * @returns the port
   * @throws CodedError ZK_LISTEN_FAILED
   */
  async listen(port: number): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(port, resolve);
    try {
      await promise;
    } catch (error) {
      throw new CodedError('ZK_LISTEN_FAILED', `port ${port}: ${String(error)}; choose another with --http-port`, {
        cause: error,
      });
    }
    return (this.#server.address() as AddressInfo).port;
  }

  /** Answers nothing more. */
  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }
}

async function answer(sources: EndpointSources, request: IncomingMessage, response: ServerResponse): Promise<void> {
  switch (request.url) {
    case '/livez':
      response.end('ok\n');
      return;
    case '/readyz': {
      const reason = sources.notReady();
      response.statusCode = reason === undefined ? 200 : 503;
      response.end(`${reason ?? 'ok'}\n`);
      return;
    }
    case '/metrics':
      response.setHeader('Content-Type', sources.registry.contentType);
      response.end(await sources.registry.metrics());
      return;
    default:
      response.statusCode = 404;
      response.end('not found; try /livez, /readyz or /metrics\n');
  }
}
