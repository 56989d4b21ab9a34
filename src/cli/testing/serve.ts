import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

/** The `host:port` of an HTTP server that answers so until the test ends. */
export async function served(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A member's admin port that says nothing of how the member is, and answers so when it is asked for a snapshot. */
export async function servedMember(t: TestContext, answer: RequestListener): Promise<string> {
  return await served(t, (request, response) => {
    if (request.url === '/status') response.writeHead(404).end();
    else answer(request, response);
  });
}
