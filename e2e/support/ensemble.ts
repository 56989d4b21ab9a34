import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serverMode } from './four-letter.ts';
import { freePorts } from './free-ports.ts';
import { Member, type MemberPorts, type Settings } from './member.ts';
import type { ServerKind } from './server-programs.ts';
import { waitFor } from './wait-for.ts';

export interface EnsembleOptions {
  /** One kind for all, or the kind of each member: a mixed ensemble. */
  readonly kind: ServerKind | readonly ServerKind[];
  /** Number of members; 1 is a standalone server. Default 3. */
  readonly size?: number;
  /** How many of the members, the last ones, have no vote. Default 0. */
  readonly observers?: number;
  /**
   * How many of the members, the last ones, are in nobody's configuration but their own: a reconfiguration may let them join.
   * `startAll` leaves them out. Default 0.
   */
  readonly spares?: number;
  readonly settings?: Settings;
  readonly jvm?: readonly string[];
  /** Where the members' directories go, instead of a new temporary directory. */
  readonly directory?: string;
}

/** Members of an ensemble as plain processes on loopback. Always end with `stop()`, also after a failure. */
export class Ensemble {
  readonly directory: string;
  readonly #members: Member[];
  readonly #spares: number;

  private constructor(members: readonly Member[], directory: string, spares: number) {
    this.#spares = spares;
    this.#members = [...members];
    this.directory = directory;
  }

  get members(): readonly Member[] {
    return this.#members;
  }

  /** Prepares directories and ports, starts nothing. */
  static async prepare(options: EnsembleOptions): Promise<Ensemble> {
    const size = options.size ?? 3;
    const isSpare = (index: number): boolean => index >= size - (options.spares ?? 0);
    const isObserver = (index: number): boolean => index >= size - (options.observers ?? 0);
    const directory = await mkdtemp(join(options.directory ?? tmpdir(), 'zabkeeper-members-'));
    const ports = await Promise.all(Array.from({ length: size }, () => memberPorts()));
    const serverLines =
      size === 1
        ? []
        : ports.map((p, index) => {
            const role = isObserver(index) ? ':observer' : '';
            return `server.${index + 1}=127.0.0.1:${p.quorum}:${p.election}${role}`;
          });
    const members = ports.map((memberPorts, index) => {
      const kind = typeof options.kind === 'string' ? options.kind : (options.kind[index] ?? 'ours');
      return new Member({
        id: index + 1,
        kind,
        directory: join(directory, `member-${index + 1}`),
        ports: memberPorts,
        serverLines: serverLines.filter((_, other) => other === index || !isSpare(other)),
        settings: { ...options.settings, ...(isObserver(index) ? { peerType: 'observer' } : {}) },
        ...(options.jvm === undefined ? {} : { jvm: options.jvm }),
      });
    });
    return new Ensemble(members, directory, options.spares ?? 0);
  }

  /** The same members, with their ports and what they have stored, run by another kind of server. Starts nothing. */
  succeededBy(kind: ServerKind): Ensemble {
    return new Ensemble(
      this.members.map((member) => new Member({ ...member.spec, kind })),
      this.directory,
      this.#spares,
    );
  }

  /** The same for one member, which must not run, in this ensemble. @returns its successor, which is not started. */
  replace(id: number, kind: ServerKind): Member {
    const present = this.member(id);
    if (present.isRunning) throw new Error(`member ${id} still runs`);
    const successor = new Member({ ...present.spec, kind });
    this.#members[id - 1] = successor;
    return successor;
  }

  /** Prepares, starts all members and waits until each of them serves. */
  static async start(options: EnsembleOptions): Promise<Ensemble> {
    const ensemble = await Ensemble.prepare(options);
    try {
      await ensemble.startAll();
    } catch (error) {
      await ensemble.stop();
      throw error;
    }
    return ensemble;
  }

  async startAll(): Promise<void> {
    const first = this.members.slice(0, this.members.length - this.#spares);
    await Promise.all(first.map((member) => member.start()));
    await this.untilServing();
  }

  async untilServing(): Promise<void> {
    await Promise.all(this.members.filter((m) => m.isRunning).map((member) => member.untilServing()));
  }

  /** `host:port,host:port`, as clients take it. */
  get connectString(): string {
    return this.members.map((member) => `127.0.0.1:${member.clientPort}`).join(',');
  }

  member(id: number): Member {
    const member = this.members[id - 1];
    if (member === undefined) throw new Error(`no member ${id}`);
    return member;
  }

  /** The running member that says it leads (or stands alone). Waits for an election that is under way. */
  async leader(): Promise<Member> {
    return waitFor('a member leads', async () => {
      for (const member of this.members) {
        const mode = member.isRunning ? await serverMode(member.clientPort).catch(() => undefined) : undefined;
        if (mode === 'leader' || mode === 'standalone') return member;
      }
      return undefined;
    });
  }

  async followers(): Promise<Member[]> {
    const leader = await this.leader();
    return this.members.filter((member) => member !== leader && member.isRunning);
  }

  /** Ends all processes and removes their directories. */
  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
    if (process.env['KEEP_DATA'] === undefined) await rm(this.directory, { recursive: true, force: true });
  }
}

async function memberPorts(): Promise<MemberPorts> {
  const [client, quorum, election, admin, metrics] = (await freePorts(5)) as [number, number, number, number, number];
  return { client, quorum, election, admin, metrics };
}
