import { snapshotFile } from '../../server/backup/snapshot-stream.ts';
import { createDatabase } from '../../server/database/database.ts';
import { OpCode } from '../../server/protocol/opcodes.ts';

/** The snapshot of an ensemble that nobody has written to. */
export const EMPTY_SNAPSHOT = Buffer.concat([
  ...snapshotFile(createDatabase({ watchSink: () => undefined }).snapshot()),
]);

/** At zxid 0x700000003: /kept with a container in it, and an ephemeral. */
export function snapshot(): Buffer {
  const database = createDatabase({ watchSink: () => undefined });
  const acl = [{ perms: 31, scheme: 'world', id: 'anyone' }];
  const header = { sessionId: 5n, cxid: 1, zxid: 0x700000000, timeMs: 1, type: OpCode.create };
  const node = { data: Buffer.from('hello'), acl, parentCVersion: -1 };
  database.apply(header, { type: OpCode.createSession, timeoutMs: 1000 });
  database.apply({ ...header, zxid: 0x700000001 }, { ...node, type: OpCode.create, path: '/kept', ephemeral: false });
  database.apply({ ...header, zxid: 0x700000002 }, { ...node, type: OpCode.createContainer, path: '/kept/box' });
  database.apply({ ...header, zxid: 0x700000003 }, { ...node, type: OpCode.create, path: '/lock', ephemeral: true });
  return Buffer.concat([...snapshotFile(database.snapshot())]);
}

/** One that holds nothing but that somebody was there at that moment. */
export function snapshotAt(zxid: number): Buffer {
  const database = createDatabase({ watchSink: () => undefined });
  const header = { sessionId: 1n, cxid: 1, zxid, timeMs: 1, type: OpCode.createSession };
  database.apply(header, { type: OpCode.createSession, timeoutMs: 1000 });
  return Buffer.concat([...snapshotFile(database.snapshot())]);
}
