import type { ServerId } from '../common/types.ts';
import { readMembership } from '../server/config/reconfiguration.ts';
import { OpCode, ReplyCode } from '../server/protocol/opcodes.ts';
import { writePathRequest, writePathWatchRequest, writeReconfigRequest } from '../server/protocol/requests.ts';
import type { ReconfigRequest } from '../server/protocol/requests.ts';
import { readGetDataResponse } from '../server/protocol/responses.ts';
import type { Membership, PeerRole } from '../server/zab/types.ts';
import type { SimulatedClient } from './client.ts';
import { textOf } from './client-frames.ts';
import { serverLine } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import type { SeededRandom } from './random.ts';
import type { Scheduler } from './scheduler.ts';

const CONFIG = '/zookeeper/config';
const VOTERS_MIN = 3;
const VOTERS_MAX = 5;

/** Changes the ensemble's configuration now and then: who joins, who leaves, who is replaced, or all of it at once. */
export class Administrator {
  /** Reconfigurations that were answered with success. */
  done = 0;
  private readonly cluster: Cluster;
  private readonly client: SimulatedClient;
  private readonly scheduler: Scheduler;
  private readonly random: SeededRandom;
  private readonly note: (what: string) => void;
  private active = true;

  constructor(
    cluster: Cluster,
    client: SimulatedClient,
    parts: { scheduler: Scheduler; random: SeededRandom; note: (what: string) => void },
  ) {
    this.cluster = cluster;
    this.client = client;
    this.scheduler = parts.scheduler;
    this.random = parts.random;
    this.note = parts.note;
  }

  start(): void {
    this.client.connect();
    this.later();
  }

  stop(): void {
    this.active = false;
    this.client.leave();
  }

  private later(): void {
    this.scheduler.after(this.random.between(200, 4_000), () => {
      if (!this.active) return;
      if (this.client.ready) this.change();
      this.later();
    });
  }

  private change(): void {
    this.client.send({
      type: OpCode.sync,
      body: (writer) => writePathRequest(writer, { path: CONFIG }),
      answered: () => {},
    });
    this.client.send({
      type: OpCode.getData,
      body: (writer) => writePathWatchRequest(writer, { path: CONFIG, watch: false }),
      answered: (reply) => {
        if (reply?.header.error !== ReplyCode.ok || !this.client.ready) return;
        this.reconfigure(readMembership(textOf(readGetDataResponse(reply.body).data)));
      },
    });
  }

  private reconfigure(current: Membership): void {
    const { joining, leaving } = this.plan(current);
    const configVersion = this.random.chance(0.7) ? current.version : -1;
    const request: ReconfigRequest = this.random.chance(0.7)
      ? {
          joiningServers: joining.map(([id, role]) => serverLine(id, role)).join(',') || null,
          leavingServers: leaving.join(',') || null,
          newMembers: null,
          configVersion,
        }
      : {
          joiningServers: null,
          leavingServers: null,
          newMembers: this.whole(current, joining, leaving).join(','),
          configVersion,
        };
    const what = `${joining.map(([id, role]) => `+${id} ${role}`).join(' ')} ${leaving.map((id) => `-${id}`).join(' ')}`;
    this.note(`reconfiguration asked for: ${what}`);
    this.client.send({
      type: OpCode.reconfig,
      body: (writer) => writeReconfigRequest(writer, request),
      answered: (reply) => {
        const error = reply?.header.error;
        this.note(
          `reconfiguration (${what}): ${error === undefined ? 'no answer' : error === 0 ? 'done' : `refused, ${error}`}`,
        );
        if (error === ReplyCode.ok) this.done++;
      },
    });
  }

  private plan(current: Membership) {
    const voters = current.members.filter(({ role }) => role === 'participant').map(({ id }) => id);
    const others = this.cluster.ids.filter((id) => !voters.includes(id));
    const joining: [ServerId, PeerRole][] = [];
    const leaving: ServerId[] = [];
    const leader = this.cluster.leader();
    const loser =
      leader !== undefined && voters.includes(leader) && this.random.chance(0.4) ? leader : this.random.pick(voters);
    const isFull = voters.length >= VOTERS_MAX;
    const replaces = this.random.chance(0.3);
    if (others.length > 0 && (replaces || voters.length <= VOTERS_MIN || (!isFull && this.random.chance(0.5)))) {
      joining.push([this.random.pick(others), 'participant']);
    }
    if (replaces || joining.length === 0) {
      if (this.random.chance(0.2)) joining.push([loser, 'observer']);
      else leaving.push(loser);
    }
    return { joining, leaving };
  }

  private whole(
    current: Membership,
    joining: readonly [ServerId, PeerRole][],
    leaving: readonly ServerId[],
  ): readonly string[] {
    const roles = new Map(current.members.map(({ id, role }): [ServerId, PeerRole] => [id, role]));
    for (const id of leaving) roles.delete(id);
    for (const [id, role] of joining) roles.set(id, role);
    return [...roles].map(([id, role]) => serverLine(id, role));
  }
}
