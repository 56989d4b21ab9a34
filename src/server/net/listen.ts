import type { Server } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { CodedError } from '../../common/errors.ts';
import type { Logger } from '../../common/types.ts';
import type { HostPort } from '../config/servers.ts';
import { formatHostPort, isWildcard } from '../config/servers.ts';

/** How often an own name that does not resolve yet, or not to this machine, is tried again. */
const RETRY_MS = 1000;

/**
 * Binds the server to an address, for what the address is for (`clients`, `metrics`).
 * @throws CodedError ZK_LISTEN_FAILED
 */
export async function listen(server: Server, address: HostPort, what: string, backlog?: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  server.once('error', reject);
  // Without a host, Node takes all addresses of both families, as Java does.
  const host = isWildcard(address.host) ? {} : { host: address.host };
  const limit = backlog === undefined ? {} : { backlog };
  server.listen({ ...host, ...limit, port: address.port }, () => resolve(undefined));
  try {
    await promise;
  } catch (error) {
    throw new CodedError(
      'ZK_LISTEN_FAILED',
      `cannot listen on ${formatHostPort(address)} for ${what} (${String(error)}): free the port, or change it in zoo.cfg`,
      { cause: error },
    );
  } finally {
    server.off('error', reject);
  }
}

/**
 * As {@link listen}, but waits for the name of this server itself to resolve, and to an address that is its own: where a
 * pod has just started, its name may not exist yet or still mean the one before.
 * @param isWanted Whether it is still to listen there.
 * @throws CodedError ZK_LISTEN_FAILED for other reasons
 */
export async function listenPatiently(
  server: Server,
  address: HostPort,
  what: string,
  logger: Logger,
  isWanted: () => boolean,
): Promise<void> {
  while (isWanted()) {
    try {
      await listen(server, address, what);
      return;
    } catch (error) {
      if (!isTemporary(error)) throw error;
      logger.warn(`cannot listen for ${what} yet`, { reason: error.message, retryMs: RETRY_MS });
      await delay(RETRY_MS, undefined, { ref: false });
    }
  }
}

function isTemporary(error: unknown): error is CodedError {
  const cause: unknown = error instanceof CodedError ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'EADDRNOTAVAIL';
}

/** Stops listening; connections that are open stay open. */
export async function stopListening(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  if (!server.listening) return;
  server.close(() => resolve(undefined));
  await promise;
}

/** The port of a server that listens on a TCP address; for tests, which let the system choose. */
export function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
