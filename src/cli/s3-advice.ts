const REGION = 'the bucket is in another region: give that one (--s3-region, s3.region)';
const BUSY = 'the S3 server is busy or not well: try again later';

/** What to do about an answer, by its name or its HTTP status. */
const ADVICE: Readonly<Record<string, string>> = {
  NoSuchBucket: 'make the bucket, or give the name of one that exists',
  NoSuchKey: 'there is no such object; look at what the bucket holds',
  InvalidAccessKeyId: 'the access key is not known there; look at the credentials',
  SignatureDoesNotMatch: 'the secret access key is wrong',
  ExpiredToken: 'the credentials were for a time that is over: get new ones',
  RequestTimeTooSkewed: 'compare the clocks of the S3 server and of this machine',
  PermanentRedirect: REGION,
  AuthorizationHeaderMalformed: REGION,
  '301': REGION,
  '403':
    'the credentials are wrong, or may not do this in the bucket; who may not list it, is refused what it does not hold, too',
  '404': 'there is no such object or bucket',
  '500': BUSY,
  '503': BUSY,
};

/** What to do where Amazon's tools find no credentials anywhere. */
export const NO_CREDENTIALS =
  'no credentials: give them as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (credentialsSecretRef, or a ServiceAccount that has some)';

/** What to do about an S3 server's refusal. */
export function s3Advice(name: string, status: number | undefined): string {
  return ADVICE[name] ?? ADVICE[String(status)] ?? 'see what the S3 server says';
}
