import type { Zxid } from '../../../common/zxid.ts';
import type { LogEntry } from '../../protocol/transactions.ts';
import type { MemberPersistOperation, StateReceiver, StateSnapshot } from '../types.ts';

const CHUNK_BYTES = 4096;

/** A member's disk in memory: whatever is given to it is durable at once. */
export class MemoryDisk {
  acceptedEpoch = 0;
  currentEpoch = 0;
  entries: LogEntry[] = [];
  snapshot: { readonly zxid: Zxid; readonly chunks: readonly Uint8Array[] } | undefined;

  persist(operation: MemberPersistOperation): void {
    switch (operation.type) {
      case 'append':
        this.entries.push(...operation.entries);
        break;
      case 'acceptedEpoch':
        this.acceptedEpoch = operation.epoch;
        break;
      case 'currentEpoch':
        this.currentEpoch = operation.epoch;
        break;
      case 'installSnapshot':
        this.save(operation.source);
        this.truncate(operation.source.zxid);
        break;
    }
  }

  save(source: StateSnapshot): void {
    this.snapshot = { zxid: source.zxid, chunks: readAll(source) };
  }

  truncate(zxid: Zxid): void {
    this.entries = this.entries.filter((entry) => entry.zxid <= zxid);
    if (this.snapshot !== undefined && this.snapshot.zxid > zxid) this.snapshot = undefined;
  }

  recover(receiver: StateReceiver): void {
    receiver.begin();
    const { snapshot } = this;
    if (snapshot !== undefined) {
      for (const chunk of snapshot.chunks) receiver.snapshotChunk(chunk);
      receiver.snapshotEnd(snapshot.zxid, undefined);
    }
    for (const entry of this.entries) {
      if (entry.zxid > (snapshot?.zxid ?? 0)) receiver.entry(entry);
    }
  }
}

/** The whole of a snapshot. */
export function readAll(source: StateSnapshot): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let chunk = source.next(CHUNK_BYTES); chunk !== undefined; chunk = source.next(CHUNK_BYTES)) {
    chunks.push(chunk.slice());
  }
  return chunks;
}
