import { S3ServiceException } from '@aws-sdk/client-s3';
import { tlsAdvice } from './tls-advice.ts';

const REGION = 'the bucket is in another region: give that one (--s3-region, s3.region)';
const BUSY = 'the S3 server is busy or not well: try again later';
const FULL = 'the S3 server has no room left: make some there, or store elsewhere';

/** What to do about an answer, by its name or its HTTP status. */
const ADVICE: Readonly<Record<string, string>> = {
  NoSuchBucket: 'make the bucket, or give the name of one that exists',
  NoSuchKey: 'there is no such object; look at what the bucket holds',
  NoSuchUpload:
    'somebody has ended this upload: does another zabctl, or a rule of the bucket, remove what is under way?',
  PreconditionFailed: 'the object has changed meanwhile: begin again',
  InvalidAccessKeyId: 'the access key is not known there; look at the credentials',
  SignatureDoesNotMatch: 'the secret access key is wrong',
  ExpiredToken: 'the credentials were for a time that is over: get new ones',
  RequestTimeTooSkewed: 'compare the clocks of the S3 server and of this machine',
  PermanentRedirect: REGION,
  AuthorizationHeaderMalformed: REGION,
  QuotaExceeded: FULL,
  XMinioStorageFull: FULL,
  '301': REGION,
  '403':
    'the credentials are wrong, or may not do this in the bucket; who may not list it, is refused what it does not hold, too',
  '404': 'there is no such object or bucket',
  '500': BUSY,
  '502': BUSY,
  '503': BUSY,
  '504': BUSY,
  '507': FULL,
};

const NO_CREDENTIALS =
  'no credentials: give them as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (credentialsSecretRef, or a ServiceAccount that has some)';

/** What to do about an endpoint that answers, and not as an S3 server does. */
export const NO_S3 =
  'is the endpoint that of an S3 server, and not of its console, of another port of it, or of something in front of it?';

const PATH_STYLE =
  'or does this server want the bucket in the path, and not before its host name (--s3-path-style, forcePathStyle)?';

/** A host name that leads nowhere, or to a certificate of another one. */
const HOST_UNKNOWN = /^(ENOTFOUND|EAI_AGAIN|ERR_TLS_CERT_ALTNAME_INVALID)$/;

/** How much of a server's own words is told, in characters. */
const WORDS_MAX = 200;

/** The HTTP status of an answer that was no success, whoever gave it; undefined where there was no answer. */
export function statusOf(error: unknown): number | undefined {
  return (error as Partial<S3ServiceException> | undefined)?.$metadata?.httpStatusCode;
}

/** How the S3 server names what is wrong. */
export function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : '';
}

/**
 * What went wrong at an S3 server, or on the way to it, and what to do about it; in one line.
 *
 * @param bucketIsHost The host name begins with the bucket, on somebody's own server.
 */
export function s3Trouble(error: unknown, bucketIsHost: boolean): string {
  if (nameOf(error) === 'CredentialsProviderError') return NO_CREDENTIALS;
  const status = statusOf(error);
  if (error instanceof S3ServiceException) return `${error.name} (${status}): ${refusalAdvice(error, status)}`;
  // An answer that the library could not read, for instance a page for people.
  if (status !== undefined) return `HTTP status ${status}: ${ADVICE[String(status)] === BUSY ? BUSY : NO_S3}`;
  const why = tlsAdvice(error) ?? `${describeCause(error)}: is the endpoint right, and does it answer?`;
  return bucketIsHost && HOST_UNKNOWN.test(describeCode(error)) ? `${why}; ${PATH_STYLE}` : why;
}

function refusalAdvice(error: S3ServiceException, status = 0): string {
  const { location, 'x-amz-bucket-region': region = regionIn(error) } = error.$response?.headers ?? {};
  const known = ADVICE[error.name];
  if (known === REGION && region !== undefined) return `the bucket is in region ${region} (--s3-region, s3.region)`;
  if (known !== undefined) return known;
  if (status >= 300 && status < 400 && location !== undefined)
    return `it sends to ${location}: give the endpoint of that`;
  const words = oneLine(error.message).slice(0, WORDS_MAX);
  const advice = ADVICE[String(status)];
  if (words === UNKNOWN) return advice ?? 'see the log of the S3 server';
  return `${advice === undefined ? '' : `${advice}; `}it says: ${words}`;
}

/** The library's own word where the server says none. */
const UNKNOWN = 'UnknownError';

/** Where the bucket is, as some refusals say. */
function regionIn(error: S3ServiceException): string | undefined {
  return 'Region' in error && typeof error.Region === 'string' ? error.Region : undefined;
}

/** What reads it in a log may only see the last line. */
function oneLine(text: string): string {
  return text.trim().replaceAll(/\s+/g, ' ');
}

function describeCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function describeCause(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === '' ? describeCode(error) || error.name : oneLine(error.message);
}
