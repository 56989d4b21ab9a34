import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import { KubeClient } from './client.ts';
import { Transport } from './transport.ts';

/** How the next request is answered. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * For tests: an HTTP server in the place of an API server, that answers as scripted and misbehaves as the real one does
 * only on bad days. What a real API server does is tested against one, on kind.
 */
export class FakeApi {
  readonly requests: string[] = [];
  readonly #answers: Answer[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      this.requests.push(`${request.method} ${request.url}`);
      const answer = this.#answers.shift();
      if (answer === undefined)
        json({ kind: 'Status', code: 503, message: 'nothing is scripted' }, 503)(request, response);
      else answer(request, response);
    });
  }

  async listen(): Promise<KubeClient> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.listen(0, '127.0.0.1', resolve);
    await promise;
    const config = new KubeConfig();
    const { port } = this.#server.address() as AddressInfo;
    // Without TLS the library wants to be told not to verify it.
    config.loadFromClusterAndUser(
      { name: 'fake', server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
      { name: 'me' },
    );
    return KubeClient.over(new Transport(config, () => undefined), 'tester');
  }

  script(...answers: readonly Answer[]): void {
    this.#answers.push(...answers);
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }
}

/** A whole answer. */
export function json(body: unknown, status = 200): Answer {
  return (_, response) => {
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(body));
  };
}

/** A watch that sends these lines, and then ends or, if `how` says so, breaks off or stays open. */
export function watchOf(events: readonly unknown[], how: 'end' | 'break' | 'stay' = 'end'): Answer {
  return (_, response) => {
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.write(events.map((event) => `${JSON.stringify(event)}\n`).join(''), () => {
      if (how === 'end') response.end();
      if (how === 'break') response.destroy();
    });
  };
}
