import { OpCode } from '../protocol/opcodes.ts';

/**
 * What is done with a request: answered from this member's state, made a transaction, brought to the newest state; or, what
 * no client may ask for, answered as not implemented before the connection is closed, as ZooKeeper does.
 */
export type OperationKind = 'read' | 'write' | 'sync' | 'unknown';

/** The kind of a client's request. */
export function operationKind(type: number): OperationKind {
  switch (type) {
    case OpCode.exists:
    case OpCode.getData:
    case OpCode.getACL:
    case OpCode.getChildren:
    case OpCode.getChildren2:
    case OpCode.ping:
    case OpCode.multiRead:
    case OpCode.setWatches:
    case OpCode.setWatches2:
    case OpCode.addWatch:
    case OpCode.removeWatches:
    case OpCode.checkWatches:
    case OpCode.getEphemerals:
    case OpCode.getAllChildrenNumber:
    case OpCode.whoAmI:
    // Not there yet; answered in its turn like a read.
    case OpCode.sasl:
      return 'read';
    case OpCode.create:
    case OpCode.create2:
    case OpCode.createContainer:
    case OpCode.createTTL:
    case OpCode.delete:
    case OpCode.setData:
    case OpCode.setACL:
    case OpCode.multi:
    case OpCode.reconfig:
    case OpCode.closeSession:
      return 'write';
    case OpCode.sync:
      return 'sync';
    default:
      return 'unknown';
  }
}
