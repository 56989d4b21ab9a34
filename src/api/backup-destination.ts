import { z } from 'zod';
import { rule, validated } from './cel.ts';
import { objectName } from './common-schemas.ts';

// Not in here: anything secret. Credentials are named, and read by the pods that need them only.

const s3 = z
  .object({
    bucket: z
      .string()
      .max(63)
      .describe('The bucket. It must exist.')
      .meta(
        validated(
          rule(
            "self.matches('^[a-z0-9][-.a-z0-9]{1,61}[a-z0-9]$')",
            's3.bucket must be the name of a bucket alone, 3 to 63 lower-case letters, digits, dots and hyphens, such as my-backups: no s3:// and no path; what comes before the object names goes into s3.prefix',
          ),
        ),
      ),
    prefix: z
      .string()
      .max(512)
      .optional()
      .describe('What the names of the objects begin with.')
      .meta(
        validated(
          rule(
            "self.matches('^[-_.A-Za-z0-9]+(/[-_.A-Za-z0-9]+)*$')",
            's3.prefix must be letters, digits, - _ . and single slashes between them, such as team/zookeeper, without a slash at either end',
          ),
        ),
      ),
    endpoint: z
      .string()
      .max(512)
      .optional()
      .describe("URL of the S3 server, where it is not Amazon's.")
      .meta(
        validated(
          rule(
            "self.matches('^https?://[^/?#[:space:]]+/?$')",
            's3.endpoint must be the URL of a server without a path, such as https://s3.example.com or http://minio.storage:9000',
          ),
        ),
      ),
    region: z
      .string()
      .max(64)
      .optional()
      .meta(
        validated(rule("self.matches('^[-a-z0-9]+$')", 's3.region must be the name of a region, such as eu-central-1')),
      ),
    forcePathStyle: z
      .boolean()
      .optional()
      .describe(
        'The bucket is part of the path and not of the host name, as many servers other than Amazon’s want it.',
      ),
    credentialsSecretRef: z
      .object({ name: objectName('s3.credentialsSecretRef.name') })
      .optional()
      .describe(
        "A Secret of this namespace with accessKeyId and secretAccessKey, and sessionToken where there is one. Where it is not set, the pods' own identity: see serviceAccountName.",
      ),
    serviceAccountName: z
      .string()
      .max(253)
      .optional()
      .describe(
        'A ServiceAccount of this namespace that the pods run as which store, read and remove snapshots: for identities that a cloud gives to ServiceAccounts (IRSA, workload identity).',
      )
      .meta(
        validated(
          rule(
            "self.matches('^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$')",
            's3.serviceAccountName must be the name of a ServiceAccount of this namespace, of lower-case letters, digits, dots and hyphens, such as backups',
          ),
        ),
      ),
    caBundle: z
      .string()
      .max(65536)
      .optional()
      .describe('Certificates in PEM to trust, besides those that everybody trusts.')
      .meta(
        validated(
          rule(
            "self.startsWith('-----BEGIN CERTIFICATE-----')",
            's3.caBundle must be certificates in PEM: it begins with -----BEGIN CERTIFICATE-----',
          ),
        ),
      ),
  })
  .describe('A bucket of a server with the S3 protocol.');

const volume = z
  .object({
    claimName: objectName('volume.claimName').describe(
      'A PersistentVolumeClaim of this namespace, which user 65532 may write to.',
    ),
    path: z
      .string()
      .max(512)
      .optional()
      .describe('A directory on the volume; its root where it is not set.')
      .meta(
        validated(
          rule(
            "self.matches('^[-_.A-Za-z0-9]+(/[-_.A-Za-z0-9]+)*$') && !self.split('/').exists(part, part == '..' || part == '.')",
            'volume.path must be a directory on the volume such as backups/zoo: relative, without .. and without a slash at either end',
          ),
        ),
      ),
  })
  .describe('A volume of the namespace.');

const onlyOne = (what: string) =>
  rule(
    'has(self.s3) != has(self.volume)',
    `${what} must have exactly one of s3 (a bucket) and volume (a PersistentVolumeClaim)`,
  );

/** Where backups are stored. */
export const backupDestination = z
  .object({ s3: s3.optional(), volume: volume.optional() })
  .meta(validated(onlyOne('destination')));

const fileName = z
  .string()
  .min(1)
  .max(512)
  .meta(
    validated(
      rule(
        "!self.startsWith('/') && !self.endsWith('/') && !self.split('/').exists(part, part == '..' || part == '.' || part == '')",
        'name must be that of one stored snapshot below the bucket or the volume, such as zoo/today.gz: no leading slash, no ..',
      ),
    ),
  );

/** One stored snapshot, whoever took it. */
export const snapshotLocation = z.object({
  s3: s3.extend({ key: fileName.describe('The name of the object, below prefix where that is set.') }).optional(),
  volume: volume.extend({ file: fileName.describe('The file, below path where that is set.') }).optional(),
});

/** See {@link backupDestination}. */
export type BackupDestination = z.output<typeof backupDestination>;
/** See {@link snapshotLocation}. */
export type SnapshotLocation = z.output<typeof snapshotLocation>;
