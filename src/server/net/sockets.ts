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
