import { X509Certificate } from 'node:crypto';
import { Agent } from 'node:https';
import { rootCertificates } from 'node:tls';
import { S3Client } from '@aws-sdk/client-s3';
import { CodedError } from '../common/errors.ts';
import type { S3Options } from './place.ts';
import { writeCarefully } from './s3-writes.ts';

/** How often one thing is asked. */
const ATTEMPTS = 6;

/** How long a connection may take to be made, and to say nothing, in milliseconds. */
const TIMEOUT = { connectionTimeout: 10_000, socketTimeout: 60_000 };

/**
 * Amazon's client, set up for servers of any maker.
 *
 * @param signal Aborted to end all that is asked; only what removes something is asked all the same, to tidy up.
 * @throws CodedError ZK_CLI_ARGUMENTS
 */
export function s3Client({ endpoint, region, pathStyle, caBundle }: S3Options, signal?: AbortSignal): S3Client {
  const client = new S3Client({
    // Servers other than Amazon's know one region only, and accept any name for it.
    region: region ?? firstSet('AWS_REGION', 'AWS_DEFAULT_REGION') ?? 'us-east-1',
    ...(endpoint === undefined ? {} : { endpoint: checkedEndpoint(endpoint) }),
    forcePathStyle: pathStyle,
    // Longer and longer in between: seconds, until a server that is busy or starts again is given up.
    maxAttempts: ATTEMPTS,
    // Many servers do not know the newer checksums; the snapshot has its own.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      ...TIMEOUT,
      ...(caBundle === undefined ? {} : { httpsAgent: trusting(caBundle) }),
    },
  });
  writeCarefully(client);
  if (signal !== undefined) endAt(signal, client);
  return client;
}

function firstSet(...variables: readonly string[]): string | undefined {
  return variables.map((name) => process.env[name]).find((value) => value !== undefined && value !== '');
}

function checkedEndpoint(endpoint: string): string {
  const url = URL.parse(endpoint);
  if (url !== null && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '') return endpoint;
  throw new CodedError(
    'ZK_CLI_ARGUMENTS',
    `'${endpoint}' is no URL of an S3 server: write --s3-endpoint https://s3.example.com, or http://host:9000 where it has no TLS`,
  );
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** TLS passes over a certificate that it cannot read, and then finds nobody who is trusted. */
function trusting(caBundle: string): Agent {
  const certificates = caBundle.match(CERTIFICATE) ?? [];
  if (certificates.length > 0 && certificates.every(canBeRead)) {
    return new Agent({ keepAlive: true, ca: [...rootCertificates, ...certificates] });
  }
  throw new CodedError(
    'ZK_CLI_ARGUMENTS',
    'caBundle (ZABCTL_S3_CA_BUNDLE) holds no certificates that can be read: it is to be their text in PEM, and not for instance the name of a file',
  );
}

function canBeRead(certificate: string): boolean {
  try {
    return new X509Certificate(certificate).fingerprint256 !== '';
  } catch {
    return false;
  }
}

/** Ends what is under way; nothing else is begun, but to remove what an upload has left. */
function endAt(signal: AbortSignal, { config: { requestHandler } }: S3Client): void {
  const handle = requestHandler.handle.bind(requestHandler);
  requestHandler.handle = async (request, options) =>
    await handle(request, request.method === 'DELETE' ? options : { ...options, abortSignal: signal });
}
