import { malformed } from './jute-reader.ts';

/**
 * Finds the end of a snapshot's body in a stream by walking its grammar, with a state of a few numbers: nothing of the
 * snapshot is kept. The grammar (SerializeUtils.serializeSnapshot, DataTree.serialize):
 *
 *     body     = count, count * (session id, timeout), count, count * aclEntry, znode*, "/"
 *     aclEntry = long id, count, count * (perms, string scheme, string id)
 *     znode    = string path, buffer data, long aclId, StatPersisted
 *
 * The root's path is "" and every other is longer than one byte, so a path of one byte can only be the "/" at the end.
 */
export class SnapshotWalker {
  /** What the next four bytes are. */
  #expect: Expect = 'sessionCount';
  /** Bytes to pass over before them. */
  #skipBytes = 0;
  /** The part of a four-byte field that has arrived. */
  #partialValue = 0;
  #partialBytes = 0;
  #aclEntriesLeft = 0;
  #aclIdentitiesLeft = 0;

  /**
   * Walks on over `bytes[start]` and what follows.
   * @returns The index behind the last byte of the body, or -1 if the body goes on after these bytes.
   * @throws CodedError ZK_FRAME_MALFORMED where a length is negative.
   */
  walk(bytes: Uint8Array, start: number): number {
    let at = start;
    for (;;) {
      const skipped = Math.min(this.#skipBytes, bytes.length - at);
      at += skipped;
      this.#skipBytes -= skipped;
      if (this.#skipBytes > 0) return -1;
      if (this.#expect === 'end') return at;
      while (this.#partialBytes < 4) {
        if (at === bytes.length) return -1;
        this.#partialValue = (this.#partialValue << 8) | (bytes[at++] as number);
        this.#partialBytes++;
      }
      const value = this.#partialValue;
      this.#partialBytes = 0;
      this.#take(value);
    }
  }

  #take(value: number): void {
    switch (this.#expect) {
      case 'sessionCount':
        this.#skipBytes = checkedCount(value, 'sessions') * SESSION_BYTES;
        this.#expect = 'aclCount';
        break;
      case 'aclCount':
        this.#aclEntriesLeft = checkedCount(value, 'access control lists');
        this.#nextAclEntry();
        break;
      case 'aclLength':
        this.#aclEntriesLeft--;
        this.#aclIdentitiesLeft = checkedCount(value, 'entries of an access control list');
        this.#nextAclIdentity();
        break;
      case 'schemeLength':
        this.#skipBytes = stringLength(value);
        this.#expect = 'idLength';
        break;
      case 'idLength':
        this.#skipBytes = stringLength(value);
        this.#aclIdentitiesLeft--;
        // The bytes of this string, and then what comes before the next four-byte field.
        this.#nextAclIdentity(this.#skipBytes);
        break;
      case 'pathLength':
        this.#skipBytes = checkedCount(value, 'bytes of a path');
        this.#expect = value === 1 ? 'end' : 'dataLength';
        break;
      case 'dataLength':
        this.#skipBytes = stringLength(value) + ACL_ID_BYTES + STAT_PERSISTED_BYTES;
        this.#expect = 'pathLength';
        break;
      case 'end':
        break;
    }
  }

  #nextAclEntry(skipBefore = 0): void {
    const done = this.#aclEntriesLeft === 0;
    this.#skipBytes = skipBefore + (done ? 0 : ACL_ID_BYTES);
    this.#expect = done ? 'pathLength' : 'aclLength';
  }

  #nextAclIdentity(skipBefore = 0): void {
    if (this.#aclIdentitiesLeft === 0) {
      this.#nextAclEntry(skipBefore);
    } else {
      this.#skipBytes = skipBefore + PERMS_BYTES;
      this.#expect = 'schemeLength';
    }
  }
}

type Expect =
  'sessionCount' | 'aclCount' | 'aclLength' | 'schemeLength' | 'idLength' | 'pathLength' | 'dataLength' | 'end';

const SESSION_BYTES = 12;
const ACL_ID_BYTES = 8;
const PERMS_BYTES = 4;
const STAT_PERSISTED_BYTES = 60;

function checkedCount(value: number, what: string): number {
  if (value < 0) malformed(`a snapshot claims ${value} ${what}`);
  return value;
}

/** The bytes of a string or buffer; null (-1) has none. */
function stringLength(value: number): number {
  if (value < -1) malformed(`a snapshot claims a length of ${value}`);
  return Math.max(value, 0);
}
