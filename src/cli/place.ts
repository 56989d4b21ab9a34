import type { InspectedFile } from './snapshot-file.ts';

/** Reads all of what is stored, and says what it is; throws if it is not sound. */
export type Check = (stored: AsyncIterable<Uint8Array>) => Promise<InspectedFile>;

/** Where one snapshot is kept, or is to be kept, under one name. */
export interface Place {
  /** As a person writes it. */
  readonly name: string;
  /**
   * Stores the pieces, and reads them back through `check`. The name exists once all is there, and never for less: pieces that
   * end with an error leave nothing. What has the name already is never replaced.
   */
  store(pieces: AsyncIterable<Uint8Array>, check: Check): Promise<InspectedFile>;
  /** Whether a snapshot has the name. */
  exists(): Promise<boolean>;
  read(): AsyncIterable<Uint8Array>;
  /** Keeps what is said of a snapshot beside it, where that is of use to anybody. */
  describe(fields: Readonly<Record<string, unknown>>): Promise<void>;
  /** Removes what attempts that were killed may have left. None may be going on. */
  removeRemains(): Promise<void>;
  /** Removes the snapshot and what is said of it; nothing is there afterwards, whatever was before. */
  remove(): Promise<void>;
}

/** How to reach a server with the S3 protocol; the rest comes from the environment, as for Amazon's own tools. */
export interface S3Options {
  /** URL; Amazon's where it is not set. */
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
  /** `endpoint/bucket/key` and not `bucket.endpoint/key`. */
  readonly pathStyle: boolean;
  /** Certificates in PEM to trust besides the usual ones. */
  readonly caBundle: string | undefined;
}
