import { makeZxid } from '../common/zxid.ts';
import { createDatabase } from '../server/database/database.ts';
import { OpCode, Perm } from '../server/protocol/opcodes.ts';
import type { SnapshotSource } from '../server/storage/types.ts';
import { bytesOf } from './client-frames.ts';

/** The znode that an ensemble has from the backup with which it begins, and what it says. */
export const RESTORED = { path: '/restored', value: 'from the backup' } as const;

/** Where the backup ends: in an epoch that nobody of the new ensemble has heard of. */
const BACKUP_ZXID = makeZxid(7, 42);

/** The state of a backup, to begin an ensemble with. */
export function restoredState(): SnapshotSource {
  const database = createDatabase({ watchSink: () => {} });
  database.apply(
    { sessionId: 0n, cxid: 0, zxid: BACKUP_ZXID, timeMs: 0, type: OpCode.create },
    {
      type: OpCode.create,
      path: RESTORED.path,
      data: bytesOf(RESTORED.value),
      acl: [{ perms: Perm.all, scheme: 'world', id: 'anyone' }],
      ephemeral: false,
      parentCVersion: 1,
    },
  );
  return database.snapshot();
}
