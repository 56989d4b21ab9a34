import { createServer } from 'node:net';
import { listen, portOf, stopListening } from '../listen.ts';

/** So many ports of the loopback interface on which nobody listens at the moment, all of them different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map((server) => listen(server, { host: '127.0.0.1', port: 0 }, 'tests')));
  const ports = servers.map(portOf);
  await Promise.all(servers.map(stopListening));
  return ports;
}
