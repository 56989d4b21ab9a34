import type { CoordinationBackup } from '../../../api/coordination-backup.ts';
import type { CoordinationBackupScheduleSpec } from '../../../api/coordination-backup-schedule.ts';
import type { CoordinationCluster } from '../../../api/coordination-cluster.ts';
import { isDeleted } from './model.ts';
import { nameOf, neededBy, NOT_UNDERSTOOD } from './restoring.ts';

type Retention = CoordinationBackupScheduleSpec['retention'];

const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** How many failed backups are kept to be looked at: they hold nothing. */
const FAILED_KEPT = 3;

/** What is to be done about the backups of a schedule that are not to be kept. */
export interface Expiry {
  readonly expired: readonly CoordinationBackup[];
  /** Which are kept all the same, and until when. */
  readonly kept: readonly string[];
}

/**
 * Lets none go that somebody still needs to begin with.
 *
 * @param restoring The clusters that begin with a snapshot; undefined where it is not known who does.
 */
export function expiry(
  retention: Retention,
  backups: readonly CoordinationBackup[],
  restoring: readonly CoordinationCluster[] | undefined,
  now: string,
): Expiry {
  const tooMany = superfluous(retention, backups, now);
  if (tooMany.length === 0) return { expired: [], kept: [] };
  if (restoring === undefined) return { expired: [], kept: [`no backup is deleted: ${NOT_UNDERSTOOD}`] };
  const needed = tooMany.map((backup) => ({ backup, cluster: neededBy(backup, restoring) }));
  const expired = needed.flatMap(({ backup, cluster }) => (cluster === undefined ? [backup] : []));
  const kept = needed.flatMap(({ backup: { metadata }, cluster }) =>
    cluster === undefined ? [] : [`${metadata.name} is kept until ${nameOf(cluster)} is formed with it`],
  );
  return { expired, kept };
}

/**
 * The backups of a schedule that are not to be kept. Only what has ended; never the newest complete one of a cluster, however
 * old it is: if nothing has worked for long, it is what is left. A schedule may have been edited, or made again, for another one.
 */
export function superfluous(
  retention: Retention,
  backups: readonly CoordinationBackup[],
  now: string,
): CoordinationBackup[] {
  if (retention === undefined) return [];
  const present = newestFirst(backups.filter((backup) => !isDeleted(backup)));
  const complete = present.filter(({ status }) => status?.phase === 'Complete');
  const failed = present.filter(({ status }) => status?.phase === 'Failed');
  const oldestMs = Date.parse(now) - ageMs(retention.maxAge);
  const ofEach = Map.groupBy(complete, ({ spec }) => spec.clusterRef.name);
  const expired = [...ofEach.values()].flatMap((ofOne) =>
    ofOne.filter(
      (backup, index) => index > 0 && (index >= (retention.maxCount ?? Infinity) || startOf(backup) < oldestMs),
    ),
  );
  return [...expired, ...failed.slice(FAILED_KEPT)];
}

/**
 * The backups by the age of what they hold. When each was begun is told by the API server: an operator whose clock was wrong once
 * must not leave one behind that is the newest for years.
 */
export function newestFirst(backups: readonly CoordinationBackup[]): CoordinationBackup[] {
  return backups.toSorted((a, b) => startOf(b) - startOf(a) || byName(b, a));
}

/** `36h`, `30d` or `8w` in milliseconds; for ever where there is none. */
function ageMs(age: string | undefined): number {
  if (age === undefined) return Infinity;
  return Number(age.slice(0, -1)) * (UNIT_MS[age.slice(-1)] ?? Infinity);
}

function startOf({ status, metadata }: CoordinationBackup): number {
  return Date.parse(status?.startedAt ?? metadata.creationTimestamp ?? '1970-01-01T00:00:00Z');
}

function byName(a: CoordinationBackup, b: CoordinationBackup): number {
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
