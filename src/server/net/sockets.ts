import type { Socket } from 'node:net';

/** The peer's IP address; an IPv4 address that came in through an IPv6 socket is written as IPv4. */
export function remoteAddressOf(socket: Socket): string {
  const address = socket.remoteAddress ?? 'unknown';
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
}

/** Calls `receive` with every chunk that arrives; without an encoding set, Node never gives strings. */
export function onBytes(socket: Socket, receive: (chunk: Uint8Array) => void): void {
  socket.on('data', (chunk) => {
    if (typeof chunk !== 'string') receive(chunk);
  });
}

/** How long a peer's connection that we end may take to accept the last bytes. */
const LINGER_MS = 2000;

/** Ends a connection after what was sent has left; a peer that takes nothing any more, because it stands still, is not waited for. */
export function endSoon(socket: Socket): void {
  socket.destroySoon();
  const linger = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once('close', () => clearTimeout(linger));
}
