import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { CertificateAuthority } from '../../support/certificates.ts';
import { waitFor } from '../../support/wait-for.ts';
import type { PodObject } from './cluster.ts';
import { apply, get, kubectl } from './kubectl.ts';

const NAME = 's3';
const DATA = '/data';
const BUCKET = 'backups';
const PORT = 7070;
const SLOW_PORT = 7071;
const TLS = '/tls';
const STOP_FILE = `${DATA}/stop`;

/** After so many bytes the slow way stops: of the two parts of 5 MiB that are on their way at the same time, one is there. */
const SLOW_BYTES = 11_000_000;

/** A file that is stored: its path below the bucket. */
export interface StoredFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** What a CoordinationBackup says of a bucket. */
export interface S3Destination {
  readonly bucket: string;
  readonly prefix: string;
  readonly endpoint: string;
  readonly forcePathStyle: boolean;
  readonly credentialsSecretRef: { readonly name: string };
  readonly caBundle?: string;
}

/**
 * A real S3 server (versitygw) in a pod, on files; and a second way to it on which an upload stops halfway for as long as a
 * test wants it to.
 */
export class S3Server {
  readonly namespace: string;
  /** Undefined where it does not speak TLS. */
  private readonly authority: CertificateAuthority | undefined;

  private constructor(namespace: string, authority: CertificateAuthority | undefined) {
    this.namespace = namespace;
    this.authority = authority;
  }

  /** @param options `tls`: with a certificate that only the authority in {@link S3Server.destination} stands for. */
  static async start(namespace: string, options: { tls?: boolean } = {}): Promise<S3Server> {
    const authority = options.tls === true ? new CertificateAuthority('authority of the tests') : undefined;
    const client = {
      image: 'zabkeeper-e2e-client:dev',
      imagePullPolicy: 'Never',
      volumeMounts: [{ name: 'data', mountPath: DATA }],
    };
    const slowWay = await readFile(new URL('../python/slow_way.py', import.meta.url), 'utf8');
    await S3Server.makeCredentials(namespace);
    const tls = await makeCertificate(namespace, authority);
    await apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: NAME, namespace, labels: { app: NAME } },
      spec: {
        terminationGracePeriodSeconds: 0,
        automountServiceAccountToken: false,
        securityContext: { fsGroup: 65532 },
        volumes: [{ name: 'data', emptyDir: {} }, ...tls.volumes],
        initContainers: [
          { name: 'bucket', ...client, command: ['python3', '-c', `import os; os.makedirs('${DATA}/${BUCKET}')`] },
        ],
        containers: [
          {
            name: 'server',
            image: 'zabkeeper-e2e-s3:dev',
            imagePullPolicy: 'Never',
            args: ['--port', `:${PORT}`, ...tls.args, 'posix', DATA],
            env: [
              { name: 'ROOT_ACCESS_KEY', value: 'me' },
              { name: 'ROOT_SECRET_KEY', value: 'a-secret-key' },
            ],
            volumeMounts: [{ name: 'data', mountPath: DATA }, ...tls.volumeMounts],
          },
          {
            name: 'slow-way',
            ...client,
            command: ['python3', '-u', '-c', slowWay, ...[SLOW_PORT, PORT, SLOW_BYTES, STOP_FILE].map(String)],
          },
        ],
      },
    });
    await apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: NAME, namespace },
      spec: { selector: { app: NAME }, ports: [PORT, SLOW_PORT].map((port) => ({ name: `port-${port}`, port })) },
    });
    const server = new S3Server(namespace, authority);
    await waitFor('the S3 server runs', () => server.isReady(), { timeoutMs: 90_000, intervalMs: 300 });
    return server;
  }

  /** A Secret that backups and clusters of a namespace may name. */
  static async makeCredentials(namespace: string, name = NAME): Promise<void> {
    const stringData = { accessKeyId: 'me', secretAccessKey: 'a-secret-key' };
    await apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData });
  }

  /** A destination of a CoordinationBackup. */
  destination({ slow = false }: { slow?: boolean } = {}): { readonly s3: S3Destination } {
    const { authority, namespace } = this;
    const scheme = authority === undefined ? 'http' : 'https';
    return {
      s3: {
        bucket: BUCKET,
        prefix: 'e2e',
        endpoint: `${scheme}://${NAME}.${namespace}:${slow ? SLOW_PORT : PORT}`,
        forcePathStyle: true,
        credentialsSecretRef: { name: NAME },
        ...(authority === undefined ? {} : { caBundle: authority.certificate }),
      },
    };
  }

  /** What is in the bucket; parts of uploads that nobody has completed are not. */
  async objects(): Promise<StoredFile[]> {
    return (await this.files()).filter(({ path }) => !path.startsWith('.'));
  }

  /** How many bytes there are of uploads to a name that nobody has completed. */
  async unfinishedBytes(path: string): Promise<number> {
    const sum = createHash('sha256').update(path).digest('hex');
    const script = `
import os, sys
print(sum(os.path.getsize(os.path.join(where, name)) for where, _, names in os.walk(sys.argv[1]) for name in names))`;
    return Number(await this.python(script, `${DATA}/${BUCKET}/.sgwtmp/multipart/${sum}`));
  }

  /** From now on uploads on the slow way stop halfway. */
  async stopUploads(): Promise<void> {
    await this.python(`open('${STOP_FILE}', 'w').close()`);
  }

  async letUploadsGoOn(): Promise<void> {
    await this.python(`import os; os.path.exists('${STOP_FILE}') and os.remove('${STOP_FILE}')`);
  }

  async pod(): Promise<PodObject | undefined> {
    return get<PodObject>(this.namespace, 'pod', NAME);
  }

  async isReady(): Promise<boolean> {
    const states = (await this.pod())?.status.containerStatuses ?? [];
    return states.length === 2 && states.every(({ ready }) => ready);
  }

  private async files(): Promise<StoredFile[]> {
    const script = await readFile(new URL('../python/stored.py', import.meta.url), 'utf8');
    const lines = (await this.python(script, `${DATA}/${BUCKET}`)).split('\n').filter((line) => line !== '');
    return lines.map((line) => {
      const [path = '', bytes = '', sha256 = ''] = line.split(' ');
      return { path, bytes: Number(bytes), sha256 };
    });
  }

  private async python(script: string, ...args: string[]): Promise<string> {
    const inPod = ['-n', this.namespace, 'exec', NAME, '-c', 'slow-way', '--'];
    return kubectl([...inPod, 'python3', '-c', script, ...args], { timeoutMs: 60_000 });
  }
}

/** What a pod needs to speak TLS; nothing where there is no authority. */
async function makeCertificate(namespace: string, authority: CertificateAuthority | undefined) {
  if (authority === undefined) return { args: [], volumes: [], volumeMounts: [] };
  const { certificate, key } = authority.serverCertificate(`${NAME}.${namespace}`);
  const name = `${NAME}-tls`;
  await apply({
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { name, namespace },
    stringData: { 'tls.crt': certificate, 'tls.key': key },
  });
  return {
    args: ['--cert', `${TLS}/tls.crt`, '--key', `${TLS}/tls.key`],
    volumes: [{ name: 'tls', secret: { secretName: name } }],
    volumeMounts: [{ name: 'tls', mountPath: TLS, readOnly: true }],
  };
}
