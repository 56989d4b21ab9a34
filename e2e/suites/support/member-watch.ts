import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { kubectlCommand } from './kubectl.ts';

const COLUMNS = [
  '{.type}',
  '{.object.metadata.name}',
  '{.object.metadata.uid}',
  '{.object.metadata.deletionTimestamp}',
  '{.object.status.conditions[?(@.type=="Ready")].status}',
];

const RETRY_MS = 500;

/** Follows the members' pods: which there were, and how many were away at once. */
export class MemberWatch {
  private readonly args: readonly string[];
  private readonly uids = new Map<string, Set<string>>();
  private readonly present = new Map<string, string>();
  private readonly down = new Set<string>();
  private mostDown = 0;
  private child: ChildProcess | undefined;
  private isStopped = false;

  /** @param cluster The name of the CoordinationCluster. */
  constructor(namespace: string, cluster: string) {
    const selector = `app.kubernetes.io/instance=${cluster}`;
    this.args = ['-n', namespace, 'get', 'pods', '-l', selector, '--watch', '--output-watch-events'].concat(
      '-o',
      `jsonpath=${COLUMNS.join('|')}{"\\n"}`,
    );
    this.follow();
  }

  /** Forgets what was before, members that have left among it. To be called while no member is being restarted. */
  startAnew(): void {
    for (const name of this.down) if (!this.present.has(name)) this.down.delete(name);
    this.mostDown = this.down.size;
    this.uids.clear();
    for (const [name, uid] of this.present) this.uids.set(name, new Set([uid]));
  }

  /** The most members that were away at one moment. */
  get downAtOnce(): number {
    return this.mostDown;
  }

  /** How many pods there were of each member, by its name. */
  get podsOf(): Readonly<Record<string, number>> {
    const entries = [...this.uids].map(([name, uids]) => [name, uids.size] as const);
    return Object.fromEntries(entries.toSorted(([a], [b]) => a.localeCompare(b)));
  }

  /** Whether there were at least so many pods of each. */
  hadEach(pods: number): boolean {
    const counts = Object.values(this.podsOf);
    return counts.length > 0 && counts.every((count) => count >= pods);
  }

  stop(): void {
    this.isStopped = true;
    this.child?.kill('SIGKILL');
  }

  /** kubectl ends when the API server does. */
  private follow(): void {
    const { program, args } = kubectlCommand(this.args);
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.child = child;
    createInterface({ input: child.stdout }).on('line', (line) => this.note(line));
    child.once('close', () => {
      // Who was away may have come back in the meantime.
      this.down.clear();
      // A pause between two attempts, so that an API server that is down is not asked hundreds of times a second.
      if (!this.isStopped) setTimeout(() => this.follow(), RETRY_MS);
    });
  }

  private note(line: string): void {
    const [type, name = '', uid = '', deletedAt, ready] = line.split('|');
    if (name === '') return;
    if (type === 'DELETED') this.present.delete(name);
    else this.present.set(name, uid);
    if (type !== 'DELETED' && ready === 'True' && deletedAt === '') this.down.delete(name);
    else this.down.add(name);
    const uids = this.uids.get(name) ?? new Set();
    this.uids.set(name, uids.add(uid));
    this.mostDown = Math.max(this.mostDown, this.down.size);
  }
}
