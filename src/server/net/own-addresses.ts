import type { Logger } from '../../common/types.ts';
import type { Ensemble } from '../config/ensemble.ts';
import { reconfigured } from '../config/own-server.ts';
import type { OwnServer } from '../config/own-server.ts';
import { formatHostPort } from '../config/servers.ts';
import type { HostPort, ServerEntry } from '../config/servers.ts';
import type { ZooConfig } from '../config/zoo-cfg.ts';
import type { ClientListener } from './client-listener.ts';
import type { ElectionTransport } from './election-transport.ts';
import type { LearnerListener } from './learner-listener.ts';

/** Who listens, and what for. */
export interface Listeners {
  readonly clients: Pick<ClientListener, 'listen' | 'move'>;
  readonly learners: Pick<LearnerListener, 'listen'>;
  readonly election: Pick<ElectionTransport, 'listen'>;
  /** Nobody can be listened for. */
  failed(error: unknown): void;
}

/** Where this server listens: at first where zoo.cfg, or the reconfiguration before its start, says, then where further ones move it. */
export class OwnAddresses {
  readonly #named: OwnServer;
  readonly #config: ZooConfig;
  readonly #listeners: Listeners;
  readonly #logger: Logger;
  #entry: ServerEntry | undefined;
  #client: HostPort;
  #clientMoves: Promise<void> = Promise.resolve();

  constructor(own: OwnServer, config: ZooConfig, listeners: Listeners, logger: Logger) {
    this.#named = own;
    this.#config = config;
    this.#listeners = listeners;
    this.#logger = logger;
    this.#entry = own.entry;
    this.#client = own.client;
  }

  /** This server's line in the configuration in force, and where clients are listened for. */
  get own(): OwnServer {
    return { id: this.#named.id, entry: this.#entry, client: this.#client };
  }

  /**
   * Listens for clients; and for peers in the background: a name that does not resolve yet holds up nothing else.
   * @throws CodedError ZK_LISTEN_FAILED
   */
  async listen(): Promise<void> {
    await this.#listeners.clients.listen(this.#client, this.#config.clientBacklog);
    this.#listenForPeers(this.#entry).catch((error: unknown) => this.#listeners.failed(error));
  }

  /**
   * A reconfiguration is in force. Where this server cannot listen as it says, it stays where it is: the next reconfiguration can
   * mend that only as long as somebody runs.
   */
  move(ensemble: Ensemble): void {
    const { entry, client } = reconfigured(this.#named, ensemble);
    const former = this.#entry;
    this.#entry = entry;
    this.#listenForPeers(entry).catch((error: unknown) => {
      this.#logger.error('cannot listen for peers where the configuration says', { reason: String(error) });
      if (this.#entry !== entry) return;
      this.#listenForPeers(former).catch((failure: unknown) => this.#listeners.failed(failure));
    });
    this.#clientMoves = this.#clientMoves
      .then(() => this.#moveClients(client))
      .catch((error: unknown) => this.#listeners.failed(error));
  }

  async #moveClients(to: HostPort): Promise<void> {
    const { clientBacklog } = this.#config;
    const from = this.#client;
    if (formatHostPort(from) === formatHostPort(to)) return;
    try {
      await this.#listeners.clients.move(to, clientBacklog);
      this.#client = to;
      this.#logger.info('listening for clients elsewhere', { address: formatHostPort(to) });
    } catch (error) {
      this.#logger.error('cannot listen for clients where the configuration says', { reason: String(error) });
      await this.#listeners.clients.move(from, clientBacklog);
    }
  }

  async #listenForPeers(entry: ServerEntry | undefined): Promise<void> {
    const { listenOnAllAddresses, standalone } = this.#config;
    if (standalone || entry === undefined) return;
    // All addresses of this machine are one to listen on, under however many names it is reached.
    const [first] = entry.addresses;
    const addresses = listenOnAllAddresses ? [{ ...first, host: '0.0.0.0' }] : entry.addresses;
    await Promise.all([
      this.#listeners.learners.listen(addresses.map(({ host, quorumPort }) => ({ host, port: quorumPort }))),
      this.#listeners.election.listen(addresses.map(({ host, electionPort }) => ({ host, port: electionPort }))),
    ]);
  }
}
