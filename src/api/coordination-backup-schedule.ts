import { z } from 'zod';
import { rule, validated } from './cel.ts';
import { conditionList, timestamp } from './common-schemas.ts';
import { backupTarget, deletionPolicy, templateDeadline } from './coordination-backup.ts';
import type { KubeObject, ResourceType } from './objects.ts';

/** How the API server names the kind. */
export const COORDINATION_BACKUP_SCHEDULE = {
  group: 'zabkeeper.dev',
  version: 'v1alpha1',
  plural: 'coordinationbackupschedules',
  kind: 'CoordinationBackupSchedule',
} as const satisfies ResourceType;

/** The names of its backups add the time to it, and must fit into a label. */
export const SCHEDULE_NAME_LENGTH_MAX = 48;

const retention = z
  .object({
    maxCount: z
      .int()
      .optional()
      .describe('How many complete backups are kept, of each cluster that was backed up.')
      .meta(
        validated(
          rule(
            'self >= 1 && self <= 1000',
            'retention.maxCount must be between 1 and 1000: to keep all backups, leave it out',
          ),
        ),
      ),
    maxAge: z
      .string()
      .max(16)
      .optional()
      .describe(
        'How old a backup may get, in hours, days or weeks: 36h, 30d, 8w. The newest complete one of each cluster is kept in any case.',
      )
      .meta(
        validated(
          rule(
            "self.matches('^[1-9][0-9]{0,4}[hdw]$')",
            'retention.maxAge must be hours, days or weeks, such as 36h, 30d or 8w',
          ),
        ),
      ),
  })
  .describe(
    'Which backups are deleted, with what they stored. The newest complete one of each cluster never is, nor one that a cluster has yet to begin with (bootstrap.restore).',
  );

/** What a person declares about repeated backups. */
export const coordinationBackupScheduleSpec = z.object({
  schedule: z
    .string()
    .max(256)
    .describe(
      'When, as in cron: minute, hour, day of the month, month, day of the week; or @hourly, @daily, @weekly, @monthly.',
    )
    .meta(
      validated(
        rule(
          "self.matches('^@(hourly|daily|weekly|monthly|yearly|annually|midnight)$') || self.matches('^[^[:space:]]+( [^[:space:]]+){4}$')",
          'schedule must be the five fields of cron separated by single spaces, such as 30 2 * * * (every day at 2:30), or @hourly, @daily, @weekly, @monthly',
        ),
      ),
    ),
  timeZone: z
    .string()
    .max(64)
    .default('Etc/UTC')
    .describe('The time zone that the schedule is in, by its name in the IANA database.')
    .meta(
      validated(
        rule(
          "self.matches('^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$')",
          'timeZone must be a name of the IANA database such as Europe/Berlin or Etc/UTC, and no offset',
        ),
      ),
    ),
  suspend: z.boolean().default(false).describe('While set, no backup is begun; retention goes on.'),
  startingDeadlineSeconds: z
    .int()
    .default(3600)
    .describe(
      'How late a backup may begin that was missed, for instance because no operator ran. Only the last one is made up for.',
    )
    .meta(
      validated(
        rule('self >= 1 && self <= 604800', 'startingDeadlineSeconds must be between 1 second and 604800 (a week)'),
      ),
    ),
  concurrencyPolicy: z
    .enum(['Forbid', 'Allow'])
    .default('Forbid')
    .describe('Forbid: a backup is left out while one of this schedule and cluster is still under way.'),
  retention: retention.optional(),
  backupTemplate: z
    .object({
      ...backupTarget,
      activeDeadlineSeconds: templateDeadline,
      deletionPolicy: deletionPolicy
        .default('Delete')
        .describe(
          'What becomes of a stored snapshot when its CoordinationBackup is deleted, by retention or by a person.',
        ),
    })
    .describe('The backups that are made.'),
});

/** What the operator knows of a schedule. */
export const coordinationBackupScheduleStatus = z.object({
  observedGeneration: z.int().optional(),
  /** The last time for which a backup was made, or deliberately left out. */
  lastScheduleTime: timestamp.optional(),
  nextScheduleTime: timestamp.optional(),
  /** What the times are reckoned by, and since when: an edit makes up for no time before it. */
  inForce: z.object({ schedule: z.string(), timeZone: z.string(), since: timestamp }).optional(),
  /** The newest complete backup. */
  lastBackup: z.string().optional(),
  lastSuccessfulTime: timestamp.optional(),
  backups: z.int().optional(),
  conditions: conditionList,
});

/** {@link coordinationBackupScheduleSpec} with its defaults filled in. */
export type CoordinationBackupScheduleSpec = z.output<typeof coordinationBackupScheduleSpec>;
/** See {@link coordinationBackupScheduleStatus}. */
export type CoordinationBackupScheduleStatus = z.output<typeof coordinationBackupScheduleStatus>;

/** Backups at regular times. */
export interface CoordinationBackupSchedule extends KubeObject {
  readonly spec: CoordinationBackupScheduleSpec;
  readonly status?: CoordinationBackupScheduleStatus;
}

const validatedParts = z.object({
  spec: coordinationBackupScheduleSpec,
  status: coordinationBackupScheduleStatus.optional(),
});

/**
 * Reads an object that the API server sent.
 *
 * @throws z.ZodError where the object does not fit the schema, which the API server would have refused.
 */
export function parseCoordinationBackupSchedule(object: KubeObject): CoordinationBackupSchedule {
  const { spec, status } = validatedParts.parse(object);
  const { apiVersion, kind, metadata } = object;
  return { apiVersion, kind, metadata, spec, ...(status === undefined ? {} : { status }) };
}
