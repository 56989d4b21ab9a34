import * as fc from 'fast-check';
import { CreateMode, OpCode } from '../../protocol/opcodes.ts';
import type { MultiOperation } from '../../protocol/multi.ts';
import { OPEN_ACL } from './requests.ts';

/* Requests to few znodes, so that they meet: what one does matters to the next. */

export const path = fc.constantFrom('/a', '/b', '/a/x', '/a/y', '/a/x/z', '/q-', '/a/q-');
export const version = fc.constantFrom(-1, -1, 0, 1);
export const flags = fc.constantFrom(
  CreateMode.persistent,
  CreateMode.persistent,
  CreateMode.ephemeral,
  CreateMode.persistentSequential,
  CreateMode.ephemeralSequential,
);

const created = { path, data: fc.constant(null), acl: fc.constant(OPEN_ACL), flags };

/** A write that may be a part of a multi. Half of them create: otherwise little would be there to work on. */
export const operation: fc.Arbitrary<MultiOperation> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ type: fc.constant(OpCode.create), ...created }) },
  fc.record({ type: fc.constant(OpCode.create2), ...created }),
  fc.record({ type: fc.constant(OpCode.delete), path, version }),
  fc.record({ type: fc.constant(OpCode.setData), path, data: fc.uint8Array({ maxLength: 3 }), version }),
  fc.record({ type: fc.constant(OpCode.check), path, version }),
);
