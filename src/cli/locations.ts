import { CodedError } from '../common/errors.ts';
import { FilePlace } from './file-place.ts';
import type { Place, S3Options } from './place.ts';

const S3_LOCATION = /^s3:\/\/([^/]+)\/(.*[^/])$/;

/** What nobody means to be a file, who would find the backup nowhere else. */
const OTHER_URL = /^[a-z][a-z0-9+.-]*:\/\//i;

/**
 * The place that a location names: `s3://bucket/key`, else a file.
 *
 * @param signal Aborted by somebody who wants an end to whatever is done there.
 * @throws CodedError ZK_CLI_ARGUMENTS
 */
export async function placeOf(location: string, options: S3Options, signal?: AbortSignal): Promise<Place> {
  if (!location.startsWith('s3:')) {
    if (!OTHER_URL.test(location) && location !== '' && location !== '-') return new FilePlace(location);
    throw new CodedError(
      'ZK_CLI_ARGUMENTS',
      `'${location}' names no place: write the name of a file, or s3://bucket/some/name.gz`,
    );
  }
  const [, bucket, key] = S3_LOCATION.exec(location) ?? [];
  if (bucket === undefined || key === undefined) {
    throw new CodedError('ZK_CLI_ARGUMENTS', `'${location}' names no object: write s3://bucket/some/name.gz`);
  }
  // Only whoever needs it waits until the library for it is loaded.
  const { S3Place } = await import('./s3-place.ts');
  return new S3Place(location, bucket, key, options, signal);
}
