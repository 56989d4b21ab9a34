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
import { groupLines } from './groups.ts';
import type { History } from './history.ts';
import type { SeededRandom } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import { CONFIG } from './znodes.ts';

/** Where disks are lost, one of the voters must be dispensable, in what is in force and in what is under way. */
const VOTERS_MIN_SAFE = 3;
const VOTERS_MAX = 5;

/** How long an administrator pauses at most between two changes: some do nothing else. */
const PAUSES_MAX_MS = [500, 4_000] as const;

/** Changes the ensemble's configuration now and then: who joins, who leaves, who is replaced, or all of it at once. */
export class Administrator {
  /** Reconfigurations that were answered with success. */
  done = 0;
  private readonly cluster: Cluster;
  private readonly history: History;
  private readonly client: SimulatedClient;
  private readonly scheduler: Scheduler;
  private readonly random: SeededRandom;
  private readonly note: (what: string) => void;
  /** Called when a change is on its way: the moment to do harm. */
  private readonly asked: () => void;
  private readonly pauseMaxMs: number;
  private active = true;

  constructor(
    cluster: Cluster,
    client: SimulatedClient,
    parts: {
      scheduler: Scheduler;
      random: SeededRandom;
      history: History;
      note: (what: string) => void;
      asked: () => void;
    },
  ) {
    this.cluster = cluster;
    this.history = parts.history;
    this.client = client;
    this.asked = parts.asked;
    this.scheduler = parts.scheduler;
    this.random = parts.random;
    this.note = parts.note;
    this.pauseMaxMs = parts.random.pick(PAUSES_MAX_MS);
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
    this.scheduler.after(this.random.between(50, this.pauseMaxMs), () => {
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
    const { joining, leaving } = this.random.chance(0.2) ? this.planAnew(current) : this.plan(current);
    if (joining.length + leaving.length === 0) return;
    // A change that holds for whatever is in force by then may leave too few voters: of two, none may lose its disk.
    const isConditional = this.random.chance(0.7) || !this.cluster.votesWithoutData;
    const configVersion = isConditional ? current.version : -1;
    // Where there are groups, who joins must be put into one.
    const isIncremental = !this.cluster.inGroups && this.random.chance(0.7);
    const request: ReconfigRequest = isIncremental
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
    this.asked();
    this.client.send({
      type: OpCode.reconfig,
      body: (writer) => writeReconfigRequest(writer, request),
      answered: (reply) => {
        const error = reply?.header.error;
        this.note(
          `reconfiguration (${what}): ${error === undefined ? 'no answer' : error === 0 ? 'done' : `refused, ${error}`}`,
        );
        if (reply === undefined || error !== ReplyCode.ok) return;
        this.done++;
        this.history.reconfigurations.push(textOf(readGetDataResponse(reply.body).data));
      },
    });
  }

  private get votersMin(): number {
    return this.cluster.votesWithoutData ? 1 : VOTERS_MIN_SAFE;
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
    const { votersMin } = this;
    if (others.length > 0 && (replaces || voters.length <= votersMin || (!isFull && this.random.chance(0.5)))) {
      joining.push([this.random.pick(others), 'participant']);
    } else if (others.length > 0 && this.random.chance(0.1)) {
      joining.push([this.random.pick(others), 'observer']);
    }
    if ((replaces || joining.length === 0) && voters.length + joining.length > votersMin) {
      if (this.random.chance(0.2)) joining.push([loser, 'observer']);
      else leaving.push(loser);
    }
    return { joining, leaving };
  }

  /** Any other voters at once, of which one at least stays. */
  private planAnew(current: Membership) {
    const voters = current.members.filter(({ role }) => role === 'participant').map(({ id }) => id);
    const others = this.cluster.ids.filter((id) => !voters.includes(id));
    const joining = others.filter(() => this.random.chance(0.6)).slice(0, VOTERS_MAX - 1);
    const stays = this.random.pick(voters);
    const mayLeave = Math.max(0, voters.length + joining.length - this.votersMin);
    const leaving = voters.filter((id) => id !== stays && this.random.chance(0.6)).slice(0, mayLeave);
    return { joining: joining.map((id): [ServerId, PeerRole] => [id, 'participant']), leaving };
  }

  private whole(
    current: Membership,
    joining: readonly [ServerId, PeerRole][],
    leaving: readonly ServerId[],
  ): readonly string[] {
    const roles = new Map(current.members.map(({ id, role }): [ServerId, PeerRole] => [id, role]));
    for (const id of leaving) roles.delete(id);
    for (const [id, role] of joining) roles.set(id, role);
    const voters = [...roles.keys()].filter((id) => roles.get(id) === 'participant');
    // Without them, all count alike again.
    const groups = this.cluster.inGroups && this.random.chance(0.7) ? groupLines(voters, this.random) : [];
    return [...[...roles].map(([id, role]) => serverLine(id, role)), ...groups];
  }
}
