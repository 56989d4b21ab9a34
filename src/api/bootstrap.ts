import { z } from 'zod';
import { snapshotLocation } from './backup-destination.ts';
import { rule, validated } from './cel.ts';
import { objectName } from './common-schemas.ts';

const sha256 = z
  .string()
  .max(64)
  .meta(
    validated(
      rule(
        "self.matches('^[0-9a-f]{64}$')",
        'sha256 must be 64 hexadecimal digits in lower case, as sha256sum prints them',
      ),
    ),
  );

/** One stored snapshot, with the checksum that it must have where that is known. */
export const restoreSource = z.object({
  ...snapshotLocation.shape,
  sha256: sha256.optional().describe('Refuse another file than the one with this checksum.'),
});

/** How an ensemble begins its life, where it does not begin with an empty tree. */
export const bootstrap = z
  .object({
    restore: restoreSource
      .extend({
        backup: z
          .object({
            name: objectName('bootstrap.restore.backup.name', 63),
            namespace: objectName('bootstrap.restore.backup.namespace', 63)
              .optional()
              .describe(
                "Where it is in another namespace, it must allow this one in its annotation zabkeeper.dev/restorable-in, and credentials are read from a Secret of the same name in the cluster's own namespace.",
              ),
          })
          .optional()
          .describe('A CoordinationBackup that is complete.'),
      })
      .meta(
        validated(
          rule(
            '[has(self.backup), has(self.s3), has(self.volume)].filter(isSet, isSet).size() == 1',
            'bootstrap.restore must have exactly one of backup (a CoordinationBackup), s3 (an object in a bucket) and volume (a file on a PersistentVolumeClaim)',
          ),
        ),
      )
      .describe('Every member begins with this snapshot. Sessions and ephemeral znodes of the old life are left out.'),
  })
  .describe('How the ensemble begins; an empty tree where it is not set. Means nothing any more once it is formed.');

/** See {@link restoreSource}. */
export type RestoreSource = z.output<typeof restoreSource>;
