import { SLASH } from '../database/path-key.ts';
import { JuteWriter } from '../protocol/jute-writer.ts';
import { SnapshotEncoder } from '../storage/formats/snapshot-format.ts';
import type { Zxid } from '../../common/zxid.ts';
import { BodyDigest } from './body-digest.ts';
import { startsWith } from './bytes.ts';
import type { BodyVisitor, ZnodeRecord } from './body-reader.ts';

/**
 * Writes the snapshot that a new life begins with: the tree that it is shown without sessions and without the ephemerals
 * that belonged to them. The same snapshot always gives the same bytes, so that all members begin with one.
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
    this.#write(this.#encoder.body(znode.memory.subarray(znode.start, znode.end)));
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
