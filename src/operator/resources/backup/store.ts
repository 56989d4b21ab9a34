import type { BackupDestination, SnapshotLocation } from '../../../api/backup-destination.ts';
import type { EnvVar } from '../kubernetes.ts';

/** Where a volume with backups is mounted. */
const VOLUME_DIRECTORY = '/backups';

/** A stored snapshot, and all that a pod needs so that `zabctl` gets at it. */
export interface Store {
  /** What zabctl is told. */
  readonly location: string;
  /** What people are told. */
  readonly shown: string;
  readonly options: readonly string[];
  readonly env: readonly EnvVar[];
  readonly volumes: readonly {
    readonly name: string;
    readonly persistentVolumeClaim: { readonly claimName: string };
  }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  /** Whose rights the pod has at the store, where those are not in the environment. */
  readonly serviceAccount: { readonly serviceAccountName?: string };
}

/** The store of one snapshot. @param location With exactly one of its parts, as the API server sees to. */
export function storeOf({ s3, volume }: SnapshotLocation): Store {
  if (s3 !== undefined) {
    const location = `s3://${s3.bucket}/${joined(s3.prefix, s3.key)}`;
    return {
      location,
      shown: location,
      options: [
        ...(s3.endpoint === undefined ? [] : ['--s3-endpoint', s3.endpoint]),
        ...(s3.region === undefined ? [] : ['--s3-region', s3.region]),
        ...(s3.forcePathStyle === true ? ['--s3-path-style'] : []),
      ],
      env: [
        ...credentials(s3.credentialsSecretRef?.name),
        ...(s3.caBundle === undefined ? [] : [{ name: 'ZABCTL_S3_CA_BUNDLE', value: s3.caBundle }]),
      ],
      volumes: [],
      volumeMounts: [],
      serviceAccount: s3.serviceAccountName === undefined ? {} : { serviceAccountName: s3.serviceAccountName },
    };
  }
  const { claimName = '', path, file = '' } = volume ?? {};
  return {
    location: `${VOLUME_DIRECTORY}/${joined(path, file)}`,
    shown: `volume://${claimName}/${joined(path, file)}`,
    options: [],
    env: [],
    volumes: [{ name: 'backups', persistentVolumeClaim: { claimName } }],
    volumeMounts: [{ name: 'backups', mountPath: VOLUME_DIRECTORY }],
    serviceAccount: {},
  };
}

/** Arguments as Kubernetes hands them on unchanged: it puts the value of a variable, which may be a secret, where one has `$(NAME)`. */
export function verbatim(args: readonly string[]): string[] {
  return args.map((arg) => arg.replaceAll('$', '$$$$'));
}

/** The location of a name at a destination. */
export function locationAt({ s3, volume }: BackupDestination, name: string): SnapshotLocation {
  return {
    ...(s3 === undefined ? {} : { s3: { ...s3, key: name } }),
    ...(volume === undefined ? {} : { volume: { ...volume, file: name } }),
  };
}

function joined(directory: string | undefined, name: string): string {
  return directory === undefined ? name : `${directory}/${name}`;
}

/** Read by the pod itself: the operator never sees them. */
function credentials(secret: string | undefined): EnvVar[] {
  if (secret === undefined) return [];
  const from = (name: string, key: string, optional?: true): EnvVar => ({
    name,
    valueFrom: { secretKeyRef: { name: secret, key, ...(optional === undefined ? {} : { optional }) } },
  });
  return [
    from('AWS_ACCESS_KEY_ID', 'accessKeyId'),
    from('AWS_SECRET_ACCESS_KEY', 'secretAccessKey'),
    from('AWS_SESSION_TOKEN', 'sessionToken', true),
  ];
}
