import { createHash } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';
import { statusOf } from './s3-advice.ts';

interface Sent {
  readonly headers: Record<string, string>;
  readonly body?: unknown;
}

/** HTTP status of what an S3 server does not know. */
export const NOT_IMPLEMENTED = 501;

/** Lets a checksum that each S3 server knows go with every write, and a condition that some do not. */
export function writeCarefully({ middlewareStack }: S3Client): void {
  middlewareStack.add(
    (next) => async (args) => {
      const { headers, body } = args.request as Sent;
      // Not against an attacker: so that what is changed on its way is refused. A bucket with a lock takes nothing without.
      if (body instanceof Uint8Array) headers['content-md5'] = createHash('md5').update(body).digest('base64');
      try {
        return await next(args);
      } catch (error) {
        if (statusOf(error) !== NOT_IMPLEMENTED || headers['if-none-match'] === undefined) throw error;
        // Whether the name is free has been looked at before; this server cannot be told to look once more.
        delete headers['if-none-match'];
        return await next(args);
      }
    },
    { step: 'build', name: 'carefulWrites' },
  );
}
