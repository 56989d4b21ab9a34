import { waitFor } from '../../support/wait-for.ts';
import { RawConnection, type Arrival } from '../raw/connection.ts';
import type { MultiPart, Operation } from '../raw/operations.ts';
import { worldAll } from '../raw/records.ts';
import { Normalizer } from './normalizer.ts';
import { literalPath, type Step } from './steps.ts';

/** For each session, what the server sent to it during a step, as text in the order of arrival. */
export type Observation = readonly (readonly string[])[];

interface SideSession {
  readonly number: number;
  connection: RawConnection;
  /** How often it was connected; decides the member that it goes to next. */
  connects: number;
  /** What arrived since the step began. */
  arrivals: Arrival[];
}

/**
 * One of the two servers that are compared, with the sessions of a run on it. A step is over when every session has seen all
 * that it caused: what was observed then depends on the server only.
 */
export class Side {
  readonly #ports: readonly number[];
  readonly #root: string;
  readonly #normalizer: Normalizer;
  readonly #sessions: SideSession[] = [];
  #lastZxid: bigint;

  private constructor(ports: readonly number[], root: string, zxidOfRoot: bigint) {
    this.#ports = ports;
    this.#root = root;
    this.#lastZxid = zxidOfRoot;
    this.#normalizer = new Normalizer(root, zxidOfRoot);
  }

  /** Creates an empty root for this run and opens its sessions. */
  static async open(ports: readonly number[], root: string, sessions: number): Promise<Side> {
    const control = await RawConnection.open({ port: portOf(ports, 0) });
    const created = await control.request({ op: 'create', path: root, data: null, acl: worldAll, flags: 0 });
    if (created.error !== 0) throw new Error(`${root} could not be created: error ${created.error}`);
    await control.close();
    const side = new Side(ports, root, created.zxid);
    for (let number = 0; number < sessions; number++) {
      const connection = await side.#newSession(number, 0);
      const session: SideSession = { number, connection, connects: 0, arrivals: [] };
      side.#listen(session);
      side.#sessions.push(session);
    }
    await side.#barrier();
    return side;
  }

  /** Carries out a step and returns what every session saw of it. */
  async run(step: Step): Promise<Observation> {
    for (const session of this.#sessions) session.arrivals = [];
    const actor = this.#sessions[step.session];
    if (actor === undefined) throw new RangeError(`no session ${step.session}`);
    switch (step.kind) {
      case 'requests':
        await Promise.allSettled(step.operations.map((o) => actor.connection.request(this.#absolute(o))));
        break;
      case 'fatal':
        await Promise.allSettled([actor.connection.request(this.#absolute(step.operation))]);
        await waitFor('the connection is closed', () => actor.connection.isClosed, { timeoutMs: 5000 }).catch(
          () => false,
        );
        break;
      case 'reconnect':
        await this.#reconnect(actor, step);
        break;
      case 'closeSession':
        await actor.connection.close();
        break;
    }
    const arrivals = await this.#barrier();
    const observation = arrivals.map((list) => list.map((arrival) => this.#normalizer.arrival(arrival)));
    // The ephemeral nodes of a session go in one transaction and in no particular order.
    if (step.kind !== 'requests') for (const lines of observation) lines.sort();
    await this.#replaceClosed(observation);
    return observation;
  }

  /** Ends the sessions. What the run has created stays: each run has a root of its own. */
  async close(): Promise<void> {
    await Promise.all(this.#sessions.filter((s) => !s.connection.isClosed).map((s) => s.connection.close()));
  }

  async #newSession(number: number, connects: number): Promise<RawConnection> {
    const connection = await RawConnection.open({ port: portOf(this.#ports, number + connects) });
    if (connection.session.timeoutMs === 0) throw new Error('a new session was refused');
    this.#normalizer.nameSession(connection.session.id, `session ${number}/${connects}`);
    return connection;
  }

  #listen(session: SideSession): void {
    session.connection.onArrival = (arrival) => {
      session.arrivals.push(arrival);
      if (arrival.kind === 'reply' && arrival.reply.zxid > this.#lastZxid) this.#lastZxid = arrival.reply.zxid;
    };
  }

  async #reconnect(session: SideSession, step: Extract<Step, { kind: 'reconnect' }>): Promise<void> {
    await session.connection.drop();
    session.connects++;
    const identity = session.connection.session;
    session.connection = await RawConnection.open({
      port: portOf(this.#ports, session.number + session.connects),
      session: identity,
      lastZxidSeen: this.#lastZxid,
    });
    if (session.connection.session.id !== identity.id) throw new Error(`session ${session.number} was not renewed`);
    this.#listen(session);
    const absolute = (paths: readonly string[]): string[] => paths.map((path) => this.#absolutePath(path));
    await session.connection.request({
      op: 'setWatches',
      relativeZxid: this.#lastZxid - BigInt(step.zxidsBehind),
      data: absolute(step.watches.data),
      exist: absolute(step.watches.exist),
      child: absolute(step.watches.child),
    });
  }

  /** Waits until every session has seen everything: the answer to a sync comes after the events of what was committed before. */
  async #barrier(): Promise<Arrival[][]> {
    const settled = this.#sessions.map(async ({ connection }, index) => {
      const sync = connection.request({ op: 'sync', path: '/' });
      const ownReply = await sync.catch(() => undefined);
      const arrivals = this.#sessions[index]?.arrivals ?? [];
      return arrivals.filter((arrival) => arrival.kind === 'event' || arrival.reply !== ownReply);
    });
    return Promise.all(settled);
  }

  /** A connection that the server has ended is observed as such; its session is taken up again, closed, and replaced. */
  async #replaceClosed(observation: string[][]): Promise<void> {
    for (const session of this.#sessions) {
      if (!session.connection.isClosed) continue;
      observation[session.number]?.push('(connection closed)');
      const port = portOf(this.#ports, session.number + session.connects);
      const renewed = await RawConnection.open({ port, session: session.connection.session });
      if (renewed.session.timeoutMs !== 0) await renewed.close();
      session.connects++;
      session.connection = await this.#newSession(session.number, session.connects);
      this.#listen(session);
      await this.#barrier();
    }
  }

  #absolutePath(path: string): string {
    if (path.startsWith(literalPath)) return path.slice(literalPath.length);
    return path === '/' ? this.#root : this.#root + path;
  }

  #absolute<O extends Operation | MultiPart>(operation: O): O {
    if (operation.op === 'multi') return { ...operation, parts: operation.parts.map((part) => this.#absolute(part)) };
    if ('path' in operation) return { ...operation, path: this.#absolutePath(operation.path) };
    return operation;
  }
}

function portOf(ports: readonly number[], index: number): number {
  const port = ports[index % ports.length];
  if (port === undefined) throw new RangeError('a side without servers');
  return port;
}
