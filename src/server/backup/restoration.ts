import { SLASH } from '../database/path-key.ts';
import { JuteWriter } from '../protocol/jute-writer.ts';
import { SnapshotEncoder } from '../storage/formats/snapshot-format.ts';
import { encodeUtf8 } from '../../common/utf8.ts';
import type { Zxid } from '../../common/zxid.ts';
import { BodyDigest } from './body-digest.ts';
import { startsWith } from './bytes.ts';
import type { BodyVisitor, ZnodeRecord } from './body-reader.ts';

const CONFIGURATION = encodeUtf8('/zookeeper/config');

/** Of the number before a znode's data: their length. */
const LENGTH_BYTES = 4;

/**
 * Writes the snapshot that a new life begins with: the tree that it is shown without sessions, without the ephemerals
 * that belonged to them, and without the configuration of the ensemble that it is from. The same snapshot always gives the same bytes, so that all members begin with one.
 */
export class Restoration implements BodyVisitor {
  readonly #write: (bytes: Uint8Array) => void;
  readonly #encoder = new SnapshotEncoder();
  readonly #digest = new BodyDigest();
  /** The path of the last ephemeral, with the slash that paths below it have behind it. */
  #lastGone: Uint8Array | undefined;

  /** @param write Takes the file's bytes in order; they are only valid during the call. */
  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
    write(this.#encoder.header());
  }

  sessions(): void {
    this.#body((writer) => writer.writeInt(0));
  }

  acls(bytes: Uint8Array): void {
    this.#write(this.#encoder.body(bytes));
  }

  znode(znode: ZnodeRecord): void {
    if (this.#isGone(znode)) return;
    this.#digest.znode(znode);
    const { memory, start, end, dataStart, dataEnd } = znode;
    if (!isConfiguration(znode)) {
      this.#write(this.#encoder.body(memory.subarray(start, end)));
      return;
    }
    // Whoever belonged to the ensemble that the backup is of, the servers that begin with it are others.
    this.#write(this.#encoder.body(memory.subarray(start, dataStart - LENGTH_BYTES)));
    this.#body((writer) => writer.writeInt(0));
    this.#write(this.#encoder.body(memory.subarray(dataEnd, end)));
  }

  /** True for an ephemeral. No server lets it have children; where a file says so, it takes them along. */
  #isGone({ memory, pathStart, pathEnd, ownerKind }: ZnodeRecord): boolean {
    const gone = this.#lastGone;
    const isBelow = gone !== undefined && startsWith(memory.subarray(pathStart, pathEnd), gone);
    if (!isBelow && ownerKind === 'session') {
      this.#lastGone = new Uint8Array(pathEnd - pathStart + 1).fill(SLASH);
      this.#lastGone.set(memory.subarray(pathStart, pathEnd));
    }
    return isBelow || ownerKind === 'session';
  }

  /** Writes the end. @returns the digest of the tree without the ephemerals. */
  end(zxid: Zxid): bigint {
    this.#body((writer) => writer.writeString('/'));
    this.#write(this.#encoder.trailer(zxid, this.#digest.value));
    return this.#digest.value;
  }

  #body(fill: (writer: JuteWriter) => void): void {
    const writer = new JuteWriter();
    fill(writer);
    this.#write(this.#encoder.body(writer.copy()));
  }
}

function isConfiguration({ memory, pathStart, pathEnd }: ZnodeRecord): boolean {
  return pathEnd - pathStart === CONFIGURATION.length && startsWith(memory.subarray(pathStart, pathEnd), CONFIGURATION);
}
