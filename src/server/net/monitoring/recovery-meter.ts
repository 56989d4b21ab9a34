import type { StateReceiver } from '../../pipeline/types.ts';
import { Summary } from './summary.ts';

/** Measures how the state is loaded from the disk at the start. */
export class RecoveryMeter {
  readonly totalMs = new Summary();
  readonly snapshotMs = new Summary();
  readonly transactionsMs = new Summary();
  readonly transactions = new Summary();

  /** Loads through `receiver`, which is looked at on the way. */
  measure<T>(receiver: StateReceiver, load: (receiver: StateReceiver) => T): T {
    const beganMs = performance.now();
    let snapshotEndMs = beganMs;
    let transactions = 0;
    const recovery = load({
      begin: () => {
        transactions = 0;
        receiver.begin();
      },
      snapshotChunk: (bytes) => receiver.snapshotChunk(bytes),
      snapshotEnd: (zxid, digest) => {
        receiver.snapshotEnd(zxid, digest);
        snapshotEndMs = performance.now();
      },
      entry: (entry) => {
        transactions++;
        receiver.entry(entry);
      },
    });
    const nowMs = performance.now();
    this.totalMs.record(nowMs - beganMs);
    this.snapshotMs.record(snapshotEndMs - beganMs);
    this.transactionsMs.record(nowMs - snapshotEndMs);
    this.transactions.record(transactions);
    return recovery;
  }
}
