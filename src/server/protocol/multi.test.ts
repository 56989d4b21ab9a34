import * as fc from 'fast-check';
import * as multi from './multi.ts';
import { OpCode } from './opcodes.ts';
import {
  create,
  createTtl,
  data,
  int,
  of,
  path,
  pathVersion,
  pathWatch,
  setData,
  stat,
  texts,
} from './testing/arbitraries.ts';
import { codec, testCodecs } from './testing/codec-properties.ts';

const multiOperation: fc.Arbitrary<multi.MultiOperation> = fc.oneof(
  fc.record({ type: of(OpCode.create, OpCode.create2, OpCode.createContainer), ...create }),
  fc.record({ type: of(OpCode.createTTL), ...createTtl }),
  fc.record({ type: of(OpCode.delete, OpCode.check), ...pathVersion }),
  fc.record({ type: of(OpCode.setData), ...setData }),
  fc.record({ type: of(OpCode.getData, OpCode.getChildren), ...pathWatch }),
);
const multiResult: fc.Arbitrary<multi.MultiResult> = fc.oneof(
  fc.record({ type: of(OpCode.create), path }),
  fc.record({ type: of(OpCode.create2), path, stat }),
  fc.record({ type: of(OpCode.delete, OpCode.check) }),
  fc.record({ type: of(OpCode.setData), stat }),
  fc.record({ type: of(OpCode.getData), data, stat }),
  fc.record({ type: of(OpCode.getChildren), children: texts }),
  fc.record({ type: of(OpCode.error), error: int }),
);

testCodecs([
  codec('MultiRequest', fc.array(multiOperation, { maxLength: 4 }), multi.writeMultiRequest, multi.readMultiRequest),
  codec('MultiResponse', fc.array(multiResult, { maxLength: 4 }), multi.writeMultiResponse, multi.readMultiResponse),
]);
