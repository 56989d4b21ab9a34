import type { MemberObserver } from '../../pipeline/types.ts';
import { EventType } from '../../protocol/opcodes.ts';
import { Summary } from './summary.ts';

/** Measures what comes of transactions once they are committed. */
export class StateMeter implements Pick<MemberObserver, 'committed' | 'told'> {
  readonly propagationMs = new Summary();
  /** Clients told by each event of a kind. */
  readonly createdTold = new Summary();
  readonly deletedTold = new Summary();
  readonly changedTold = new Summary();
  readonly childrenTold = new Summary();
  /** Bytes of events for clients. */
  watchBytes = 0;

  committed(ageMs: number): void {
    // Two clocks: where they differ by more than the age, nothing can be said of it.
    if (ageMs >= 0) this.propagationMs.record(ageMs);
  }

  told(eventType: number, clients: number, bytes: number): void {
    this.watchBytes += clients * bytes;
    this.#toldOf(eventType)?.record(clients);
  }

  #toldOf(eventType: number): Summary | undefined {
    switch (eventType) {
      case EventType.nodeCreated:
        return this.createdTold;
      case EventType.nodeDeleted:
        return this.deletedTold;
      case EventType.nodeDataChanged:
        return this.changedTold;
      case EventType.nodeChildrenChanged:
        return this.childrenTold;
      default:
        return undefined;
    }
  }
}
