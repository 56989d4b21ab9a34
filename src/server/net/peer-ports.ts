import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { Logger } from '../../common/types.ts';
import { formatHostPort } from '../config/servers.ts';
import type { HostPort } from '../config/servers.ts';
import { listenPatiently, stopListening } from './listen.ts';

/** Where one kind of peers is listened for. A reconfiguration may move it. */
export class PeerPorts {
  readonly #what: string;
  readonly #accept: (socket: Socket) => void;
  readonly #logger: Logger;
  readonly #servers = new Map<string, Server>();

  /** @param what What the ports are for, in messages. */
  constructor(what: string, accept: (socket: Socket) => void, logger: Logger) {
    this.#what = what;
    this.#accept = accept;
    this.#logger = logger;
  }

  get servers(): readonly Server[] {
    return [...this.#servers.values()];
  }

  /**
   * Listens on these addresses, and on others no longer; connections that are open stay.
   * @throws CodedError ZK_LISTEN_FAILED
   */
  async listen(addresses: readonly HostPort[]): Promise<void> {
    const wanted = new Map(addresses.map((address) => [formatHostPort(address), address]));
    for (const [name, server] of this.#servers) {
      if (wanted.has(name)) continue;
      this.#servers.delete(name);
      server.close();
    }
    const added = [...wanted].filter(([name]) => !this.#servers.has(name));
    await Promise.all(added.map(([name, address]) => this.#add(name, address)));
  }

  /** Stops accepting, and waits until connections have ended. */
  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => stopListening(server)));
  }

  async #add(name: string, address: HostPort): Promise<void> {
    const server = createServer((socket) => this.#accept(socket));
    this.#servers.set(name, server);
    const isWanted = (): boolean => this.#servers.get(name) === server;
    try {
      await listenPatiently(server, address, this.#what, this.#logger, isWanted);
    } catch (error) {
      if (isWanted()) this.#servers.delete(name);
      throw error;
    }
  }
}
