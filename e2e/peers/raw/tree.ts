import type { RawConnection } from './connection.ts';
import type { Acl, Stat } from './records.ts';

export interface Node {
  readonly data: string | null;
  readonly acl: readonly Acl[] | null;
  readonly stat: Stat;
}

/** Every node from the root down, but for the ensemble's own configuration. The session must be allowed to read all. */
export async function readTree(connection: RawConnection): Promise<Map<string, Node>> {
  await connection.do({ op: 'sync', path: '/' });
  const tree = new Map<string, Node>();
  const visit = async (path: string): Promise<void> => {
    const [value, access, listing] = await Promise.all([
      connection.do({ op: 'getData', path, watch: false }),
      connection.do({ op: 'getACL', path }),
      connection.do({ op: 'getChildren', path, watch: false }),
    ]);
    if (value.stat === undefined) throw new Error(`no stat of ${path}`);
    tree.set(path, { data: value.data?.toString('latin1') ?? null, acl: access.acl ?? null, stat: value.stat });
    for (const child of listing.children ?? []) {
      const below = `${path === '/' ? '' : path}/${child}`;
      if (below !== '/zookeeper/config') await visit(below);
    }
  };
  await visit('/');
  return tree;
}
