import { waitFor } from '../../support/wait-for.ts';
import { describeBackups, type BackupObject } from './backups.ts';
import { apply, get, kubectl, list } from './kubectl.ts';
import { eventsOf } from './told.ts';

/** A time for each minute, and room for one that is left out since a backup under faults takes longer. */
const BEGUN_MS = 480_000;

/** A backup and the removal of those before it, under faults. */
const LEFT_MS = 480_000;

const MINUTE_MS = 60_000;

/** What is told of a schedule and its backups; the times and names that it is told of. */
type Told = Readonly<Record<'BackupBegun' | 'BackupLeftOut' | 'BackupExpired' | 'SnapshotRemoved', string[]>>;

/** A schedule that is due every minute and keeps one backup, and all backups that it was seen to have. */
export class ScheduleUnderTest {
  readonly name: string;
  private readonly namespace: string;
  /** The names of its backups, in the order of their times. */
  readonly seen: string[] = [];
  /** What there was each time that no good one was there, though there had been one. */
  readonly withoutGoodOne: string[] = [];
  private hadGoodOne = false;

  private constructor(namespace: string, name: string) {
    this.namespace = namespace;
    this.name = name;
  }

  static async create(namespace: string, name: string, backupTemplate: object): Promise<ScheduleUnderTest> {
    await apply({
      apiVersion: 'zabkeeper.dev/v1alpha1',
      kind: 'CoordinationBackupSchedule',
      metadata: { name, namespace },
      spec: { schedule: '* * * * *', retention: { maxCount: 1 }, backupTemplate },
    });
    return new ScheduleUnderTest(namespace, name);
  }

  /** Waits until it has begun so many backups. */
  async untilBegun(count: number): Promise<void> {
    await waitFor(
      `${count} backups have been begun`,
      async () => {
        await this.look();
        return this.seen.length >= count;
      },
      { timeoutMs: BEGUN_MS, intervalMs: 500, explain: () => describeBackups(this.namespace) },
    );
  }

  /** From then on nothing is begun. */
  async suspend(): Promise<void> {
    const { namespace, name } = this;
    await kubectl(['-n', namespace, 'patch', 'cbs', name, '--type=merge', '-p', '{"spec":{"suspend":true}}']);
    await waitFor(
      'the schedule is suspended',
      async () => {
        const { status } = (await get<BackupObject>(namespace, 'cbs', name)) ?? {};
        return status?.conditions?.some(({ type, reason }) => type === 'Active' && reason === 'Suspended');
      },
      { timeoutMs: 240_000, intervalMs: 300, explain: () => describeBackups(namespace) },
    );
  }

  /** Waits until there is one backup, and that is good. */
  async untilOneIsLeft(): Promise<Required<BackupObject>> {
    return waitFor(
      'one good backup is left',
      async () => {
        const [first, ...others] = await this.look();
        return first !== undefined && isGood(first) && others.length === 0 ? first : undefined;
      },
      { timeoutMs: LEFT_MS, intervalMs: 500, explain: () => describeBackups(this.namespace) },
    );
  }

  async told(): Promise<Told> {
    const events = await eventsOf(this.namespace);
    const of = (reason: keyof Told, what: RegExp): string[] =>
      events
        .flatMap((event) => (event.reason === reason ? [what.exec(event.message)?.[1]] : []))
        .filter((found) => found !== undefined)
        .toSorted();
    const time = /^.*backup of (\S+)/;
    return {
      BackupBegun: of('BackupBegun', time),
      BackupLeftOut: of('BackupLeftOut', time),
      BackupExpired: of('BackupExpired', /^Deleting (\S+),/),
      SnapshotRemoved: of('SnapshotRemoved', new RegExp(`/(${this.name}-\\d+)-[^/]*$`)),
    };
  }

  /** Its backups; those that are on their way out too. */
  private async look(): Promise<BackupObject[]> {
    const present = await list<BackupObject>(this.namespace, 'cb', `zabkeeper.dev/schedule=${this.name}`);
    const names = present.map(({ metadata }) => metadata.name).toSorted();
    this.seen.push(...names.filter((name) => !this.seen.includes(name)));
    const hasGoodOne = present.some(isGood);
    this.hadGoodOne ||= hasGoodOne;
    if (this.hadGoodOne && !hasGoodOne) this.withoutGoodOne.push(JSON.stringify(present));
    return present;
  }
}

/** The time in the name of a schedule's backup, as Events tell it. */
export function timeOf(name: string): string {
  const [, date = '', hour = '', minute = ''] = /-(\d{8})(\d\d)(\d\d)$/.exec(name) ?? [];
  return `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}T${hour}:${minute}:00Z`;
}

/** The whole minutes from the first to the last. */
export function everyMinute(first: string, last: string): string[] {
  const count = Math.round((Date.parse(last) - Date.parse(first)) / MINUTE_MS) + 1;
  return Array.from({ length: count }, (_, index) =>
    new Date(Date.parse(first) + index * MINUTE_MS).toISOString().replace('.000Z', 'Z'),
  );
}

function isGood(backup: BackupObject): backup is Required<BackupObject> {
  return backup.status?.phase === 'Complete' && backup.metadata.deletionTimestamp === undefined;
}
