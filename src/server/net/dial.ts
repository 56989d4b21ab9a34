import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { formatHostPort } from '../config/servers.ts';
import type { HostPort } from '../config/servers.ts';

/** A connection under way. */
export interface Dial {
  /** Gives up; nothing is reported any more. */
  cancel(): void;
}

/**
 * Connects to the first of the addresses that accepts. Names are resolved anew each time: behind the name of a pod is
 * another address after every restart (ZOOKEEPER-3756).
 * @param timeoutMs For each address, with its resolution.
 */
export function dial(
  addresses: readonly HostPort[],
  timeoutMs: number,
  connected: (socket: Socket) => void,
  failed: (reason: string) => void,
): Dial {
  let cancelled = false;
  let current: Socket | undefined;
  const reasons: string[] = [];

  const next = (index: number): void => {
    const address = addresses[index];
    if (address === undefined) {
      failed(reasons.join('; '));
      return;
    }
    const socket = connect({ host: address.host, port: address.port });
    current = socket;
    const giveUp = (reason: string): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      // A socket that is destroyed while it connects may still report why.
      socket.on('error', () => undefined);
      socket.destroy();
      if (cancelled) return;
      reasons.push(`${formatHostPort(address)}: ${reason}`);
      next(index + 1);
    };
    const timer = setTimeout(() => giveUp(`no answer within ${timeoutMs} ms`), timeoutMs);
    socket.once('error', (error: Error) => giveUp(describe(error)));
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners();
      if (cancelled) {
        socket.destroy();
        return;
      }
      socket.setNoDelay(true);
      socket.setKeepAlive(true);
      connected(socket);
    });
  };

  // In another turn: the caller is still carrying out what asked for this.
  setImmediate(() => {
    if (!cancelled) next(0);
  });
  return {
    cancel: () => {
      cancelled = true;
      current?.destroy();
    },
  };
}

/** Node gives an AggregateError without a message where a name has several addresses and none answers. */
function describe(error: Error): string {
  return error instanceof AggregateError ? error.errors.map(String).join(', ') : error.message;
}
