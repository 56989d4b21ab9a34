import { statfs } from 'node:fs/promises';
import type { ZooConfig } from '../config/zoo-cfg.ts';

/** How large a volume is, and what can still be written to it, in bytes. */
export interface VolumeSpace {
  readonly bytes: number;
  readonly freeBytes: number;
}

/** How old an answer may be before the volume is asked again, in milliseconds. */
const MAX_AGE_MS = 5_000;

/** How full the data's volumes are, without waiting for a disk: what is told is what they said last. */
export class DiskSpace {
  readonly #directories: ReadonlySet<string>;
  #askedAtMs = -Infinity;
  #fullest: VolumeSpace | undefined;

  constructor({ dataDir, dataLogDir }: ZooConfig) {
    this.#directories = new Set([dataDir, dataLogDir]);
    void this.#ask();
  }

  /** Of the volume with the smallest share left; undefined before it has answered. */
  get fullest(): VolumeSpace | undefined {
    if (performance.now() - this.#askedAtMs > MAX_AGE_MS) void this.#ask();
    return this.#fullest;
  }

  async #ask(): Promise<void> {
    this.#askedAtMs = performance.now();
    try {
      const spaces = await Promise.all([...this.#directories].map(spaceOf));
      this.#fullest = spaces.toSorted((a, b) => a.freeBytes / a.bytes - b.freeBytes / b.bytes)[0];
    } catch {
      // Who cannot say how full it is has other troubles, which show elsewhere.
      this.#fullest = undefined;
    }
  }
}

async function spaceOf(directory: string): Promise<VolumeSpace> {
  const { bsize, blocks, bavail } = await statfs(directory);
  return { bytes: blocks * bsize, freeBytes: bavail * bsize };
}
