import type { WrongManifest, WrongManifests } from './cases.ts';

const clusterRef = { name: 'zoo' };
const destination = { s3: { bucket: 'backups' } };
const RIGHT = { clusterRef, destination };

function backup(spec: object, sentence: RegExp): WrongManifest {
  return { spec: { ...RIGHT, ...spec }, sentence };
}

function toBucket(s3: object, sentence: RegExp): WrongManifest {
  return backup({ destination: { s3: { bucket: 'backups', ...s3 } } }, sentence);
}

function schedule(spec: object, sentence: RegExp): WrongManifest {
  return { spec: { schedule: '@daily', backupTemplate: RIGHT, ...spec }, sentence };
}

function restoring(restore: object, sentence: RegExp): WrongManifest {
  return { spec: { bootstrap: { restore } }, sentence };
}

/** Wrong backups. */
export const COORDINATION_BACKUP: WrongManifests = {
  'a backup to nowhere': backup({ destination: {} }, /destination must have exactly one of s3 .* and volume/),
  'a backup to two places': backup(
    { destination: { ...destination, volume: { claimName: 'disk' } } },
    /destination must have exactly one of s3 .* and volume/,
  ),
  'a bucket with a path': toBucket({ bucket: 'backups/zoo' }, /s3\.bucket must be the name of a bucket alone/),
  'a bucket as a URL': toBucket({ bucket: 's3://backups' }, /s3\.bucket must be the name of a bucket alone/),
  'a prefix with a slash in front': toBucket({ prefix: '/zoo' }, /s3\.prefix must be letters, digits/),
  'an endpoint without a scheme': toBucket({ endpoint: 'minio:9000' }, /s3\.endpoint must be the URL of a server/),
  'an endpoint with the bucket in it': toBucket(
    { endpoint: 'https://s3.example.com/backups' },
    /s3\.endpoint must be the URL of a server without a path/,
  ),
  'a ServiceAccount with a namespace': toBucket(
    { serviceAccountName: 'books/writer' },
    /s3\.serviceAccountName must be the name of a ServiceAccount of this namespace/,
  ),
  'a region with a blank': toBucket({ region: 'eu central' }, /s3\.region must be the name of a region/),
  'certificates that are none': toBucket({ caBundle: 'MIIB' }, /s3\.caBundle must be certificates in PEM/),
  'a path that leaves the volume': backup(
    { destination: { volume: { claimName: 'disk', path: '../other' } } },
    /volume\.path must be a directory on the volume/,
  ),
  'a backup of nothing': { spec: { destination }, sentence: /spec\.clusterRef: Required/ },
  'a backup of a path': backup({ clusterRef: { name: '..' } }, /clusterRef\.name must be a name of lower-case letters/),
  'a claim of a path': backup(
    { destination: { volume: { claimName: '../other' } } },
    /volume\.claimName must be a name of lower-case letters/,
  ),
  'a Secret with a namespace': toBucket(
    { credentialsSecretRef: { name: 'books/s3' } },
    /s3\.credentialsSecretRef\.name must be a name of lower-case letters/,
  ),
  'a policy that does not exist': backup({ deletionPolicy: 'Forget' }, /"Retain", "Delete"/),
  'a backup whose name is no label': {
    ...backup({}, /metadata\.name must have 63 characters or fewer/),
    name: `b${'a'.repeat(63)}`,
  },
  'another destination afterwards': {
    ...toBucket({ bucket: 'others' }, /destination cannot be changed: it says where the snapshot is/),
    after: RIGHT,
  },
  'a deadline of seconds': backup({ activeDeadlineSeconds: 5 }, /activeDeadlineSeconds must be between 10 seconds/),
  'another deadline afterwards': {
    ...backup({ activeDeadlineSeconds: 60 }, /activeDeadlineSeconds cannot be changed: its Job has been made/),
    after: RIGHT,
  },
  'another cluster afterwards': {
    ...backup({ clusterRef: { name: 'other' } }, /clusterRef cannot be changed: a backup is of one cluster/),
    after: RIGHT,
  },
};

/** Wrong schedules. */
export const COORDINATION_BACKUP_SCHEDULE: WrongManifests = {
  'six fields': schedule({ schedule: '0 30 2 * * *' }, /schedule must be the five fields of cron/),
  'a schedule in words': schedule({ schedule: 'daily' }, /schedule must be the five fields of cron/),
  'an offset instead of a time zone': schedule({ timeZone: '+01:00' }, /timeZone must be a name of the IANA database/),
  'a retention of none': schedule({ retention: { maxCount: 0 } }, /retention\.maxCount must be between 1 and 1000/),
  'an age without a unit': schedule({ retention: { maxAge: '30' } }, /retention\.maxAge must be hours, days or weeks/),
  'a deadline of nothing': schedule({ startingDeadlineSeconds: 0 }, /startingDeadlineSeconds must be between 1 second/),
  'a template to nowhere': schedule(
    { backupTemplate: { clusterRef, destination: {} } },
    /destination must have exactly one of s3 .* and volume/,
  ),
  'a name that is too long': {
    ...schedule({}, /metadata\.name must have 48 characters or fewer/),
    name: `s${'a'.repeat(48)}`,
  },
};

/** Wrong clusters, as far as they begin with a backup. */
export const BOOTSTRAP: WrongManifests = {
  'a restore from nowhere': restoring({}, /bootstrap\.restore must have exactly one of backup .* s3 .* and volume/),
  'a restore from two places': restoring(
    { backup: { name: 'monday' }, s3: { bucket: 'backups', key: 'zoo/monday.gz' } },
    /bootstrap\.restore must have exactly one of backup/,
  ),
  'a restore from all backups': restoring(
    { backup: { name: '.' } },
    /bootstrap\.restore\.backup\.name must be a name of lower-case letters/,
  ),
  'a restore from a directory': restoring(
    { s3: { bucket: 'backups', key: 'zoo/' } },
    /name must be that of one stored snapshot below the bucket or the volume/,
  ),
  'a checksum that is none': restoring(
    { s3: { bucket: 'backups', key: 'a.gz' }, sha256: 'abc' },
    /sha256 must be 64 hexadecimal digits/,
  ),
};
