import type { ClientInfo, MemberStatus } from '../pipeline/types.ts';

interface Counts {
  readonly received: number;
  readonly sent: number;
}

const NOTHING: Counts = { received: 0, sent: 0 };

/** What `srst` and `crst` set back to nothing: the counts of packets as they were then are subtracted from now on. */
export class StatBaselines {
  #server = NOTHING;
  #clients = new Map<number, Counts>();

  resetServer({ packetsReceived, packetsSent }: MemberStatus): void {
    this.#server = { received: packetsReceived, sent: packetsSent };
  }

  /** Forgets what was kept of connections that are gone. */
  resetClients(clients: readonly ClientInfo[]): void {
    this.#clients = new Map(clients.map(({ client, received, sent }) => [client, { received, sent }]));
  }

  status(status: MemberStatus): MemberStatus {
    const { received, sent } = this.#server;
    return { ...status, packetsReceived: status.packetsReceived - received, packetsSent: status.packetsSent - sent };
  }

  clients(clients: readonly ClientInfo[]): readonly ClientInfo[] {
    return clients.map((info) => {
      const { received, sent } = this.#clients.get(info.client) ?? NOTHING;
      return { ...info, received: info.received - received, sent: info.sent - sent };
    });
  }
}
