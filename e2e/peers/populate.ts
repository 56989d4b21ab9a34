import { RawConnection } from './raw/connection.ts';
import { Permission, worldAll, type Acl } from './raw/records.ts';

const credentials = { op: 'auth', scheme: 'digest', auth: Buffer.from('keeper:secret') } as const;
const ownersOnly: readonly Acl[] = [{ perms: Permission.all, scheme: 'auth', id: '' }];
const readersToo: readonly Acl[] = [...ownersOnly, { perms: Permission.read, scheme: 'world', id: 'anyone' }];

/** A session that may read everything that `populate` has written. */
export async function openKeeper(port: number): Promise<RawConnection> {
  const keeper = await RawConnection.open({ port });
  await keeper.do(credentials);
  return keeper;
}

/**
 * Writes a tree with one of everything that a file can hold: data absent, empty and big, names beyond ASCII, shared ACLs,
 * versions, sequences, an ephemeral node of the given session, deletions, a multi, and writes that are refused (which the log
 * records as well).
 */
export async function populate(keeper: RawConnection): Promise<void> {
  const create = (path: string, data: Uint8Array | null, flags = 0, acl: readonly Acl[] = worldAll): Promise<unknown> =>
    keeper.do({ op: 'create2', path, data, acl, flags });
  await create('/data', null);
  await create('/data/empty', Buffer.alloc(0));
  await create('/data/absent', null);
  await create('/data/big', Buffer.alloc(100_000, 'big'));
  await create('/data/bytes', Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)));
  await create('/data/ünïcödé-日本', Buffer.from('\ud83d\ude00'));
  await create('/secret', Buffer.from('1'), 0, ownersOnly);
  await create('/secret/shown', Buffer.from('2'), 0, readersToo);
  await create('/secret/hidden', Buffer.from('3'), 0, ownersOnly);
  await create('/queue', null);
  for (let item = 0; item < 20; item++) await create('/queue/item-', Buffer.from(`item ${item}`), 2);
  for (let item = 0; item < 5; item++)
    await keeper.do({ op: 'delete', path: `/queue/item-000000000${item}`, version: -1 });
  await create('/versions', Buffer.from('0'));
  for (let version = 0; version < 7; version++) {
    await keeper.do({ op: 'setData', path: '/versions', data: Buffer.from(`${version + 1}`), version });
  }
  await keeper.do({ op: 'setACL', path: '/versions', acl: readersToo, version: 0 });
  await create('/members', null);
  await create('/members/ephemeral', Buffer.from('here'), 1);
  await create('/members/ephemeral-', Buffer.from('here'), 3);
  await keeper.do({
    op: 'multi',
    parts: [
      { op: 'create', path: '/multi', data: Buffer.from('a'), acl: worldAll, flags: 0 },
      { op: 'create2', path: '/multi/child', data: null, acl: ownersOnly, flags: 0 },
      { op: 'setData', path: '/multi', data: Buffer.from('b'), version: 0 },
      { op: 'check', path: '/multi', version: 1 },
      { op: 'delete', path: '/queue/item-0000000007', version: 0 },
    ],
  });
  await keeper.request({ op: 'create', path: '/multi', data: null, acl: worldAll, flags: 0 });
  await keeper.request({ op: 'delete', path: '/multi', version: -1 });
  await keeper.request({ op: 'multi', parts: [{ op: 'check', path: '/multi', version: 99 }] });
}
