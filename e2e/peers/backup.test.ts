import assert from 'node:assert/strict';
import { mkdir, readFile, readdir, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Ensemble } from '../support/ensemble.ts';
import type { Member, Settings } from '../support/member.ts';
import { waitFor } from '../support/wait-for.ts';
import { zabctl, zabctlJson } from '../support/zabctl.ts';
import { readSnapshotWithApache, storedFiles } from './apache-tools.ts';
import { openKeeper, populate } from './populate.ts';
import { RawConnection } from './raw/connection.ts';
import { worldAll } from './raw/records.ts';
import { readTree, type Node } from './raw/tree.ts';

const anyIdentity = ['--auth', 'digest:keeper:secret'];
const often = { 'admin.rateLimiterIntervalInMS': 0 };
/** An empty disk does not vote: only what zabctl restores makes a member one that may. */
const restored = { ...often, 'db.autocreate': false };

function adminPort(member: Member): string {
  return `127.0.0.1:${member.spec.ports.admin}`;
}

async function backUp(member: Member, file: string): Promise<Record<string, unknown>> {
  return zabctlJson('backup', file, '--server', adminPort(member), ...anyIdentity);
}

function restore(file: string, member: Member): Promise<Record<string, unknown>> {
  return zabctlJson('restore', file, member.dataDir, '--data-log-dir', member.dataLogDir);
}

/** But for the ephemerals that `populate` makes, and for what their parent's stat says of its children. */
function withoutEphemerals(tree: ReadonlyMap<string, Node>): Map<string, Node> {
  return new Map([...tree].filter(([path]) => !path.startsWith('/members')));
}

async function treeOf(member: Member): Promise<Map<string, Node>> {
  const reader = await openKeeper(member.clientPort);
  const tree = await readTree(reader);
  await reader.close();
  return tree;
}

/** Every member has the tree, and nothing of the old life's sessions. */
async function hasTree(ensemble: Ensemble, tree: ReadonlyMap<string, Node>): Promise<void> {
  for (const member of ensemble.members) {
    const found = await treeOf(member);
    assert.deepEqual(withoutEphemerals(found), withoutEphemerals(tree), `member ${member.spec.id}`);
    assert.deepEqual(
      [...found.keys()].filter((path) => path.startsWith('/members')),
      ['/members'],
    );
  }
}

/** Creates one znode after the other and remembers the zxid of each that was acknowledged. */
async function write(port: number, name: string, stopped: () => boolean, zxids: Map<string, bigint>): Promise<void> {
  const connection = await RawConnection.open({ port });
  for (let i = 0; !stopped(); i++) {
    const path = `/written/${name}-${i}`;
    const { zxid, error } = await connection.request({ op: 'create', path, data: null, acl: worldAll, flags: 0 });
    assert.equal(error, 0);
    zxids.set(path, zxid);
  }
  await connection.close();
}

describe('backup and restore', () => {
  it(
    'under a running writer, a backup is exact at its zxid, whichever member it comes from',
    { timeout: 120_000 },
    async () => {
      const ensemble = await Ensemble.start({ kind: 'ours', settings: often });
      try {
        const setup = await RawConnection.open({ port: ensemble.member(1).clientPort });
        await setup.do({ op: 'create', path: '/written', data: null, acl: worldAll, flags: 0 });
        await setup.close();
        const zxids = new Map<string, bigint>();
        let stopped = false;
        const writers = ensemble.members.map((m) => write(m.clientPort, `w${m.spec.id}`, () => stopped, zxids));
        await waitFor('there is something to back up', () => zxids.size > 2000);
        const files = ensemble.members.map((member) => join(ensemble.directory, `snapshot-${member.spec.id}`));
        const backups: Record<string, unknown>[] = [];
        for (const [i, member] of ensemble.members.entries()) backups.push(await backUp(member, files[i] ?? ''));
        const written = zxids.size;
        await waitFor('more is written', () => zxids.size > written + 100);
        stopped = true;
        await Promise.all(writers);

        for (const [i, file] of files.entries()) {
          const zxid = BigInt(String(backups[i]?.['zxid']));
          const { nodes } = await readSnapshotWithApache(file);
          const expected = [...zxids].filter(([, created]) => created <= zxid).map(([path]) => path);
          const found = [...nodes.keys()].filter((path) => path.startsWith('/written/'));
          assert.deepEqual(found.toSorted(), expected.toSorted());
          assert.ok(found.length > 2000 && found.length < zxids.size, 'taken in the middle');
          for (const [path, { czxid }] of nodes) if (path.startsWith('/written/')) assert.equal(czxid, zxids.get(path));
        }
      } finally {
        await ensemble.stop();
      }
    },
  );

  it('a backup becomes a new ensemble, here and with Apache ZooKeeper', { timeout: 180_000 }, async () => {
    const source = await Ensemble.start({ kind: 'ours', settings: often });
    const [here, there] = [
      await Ensemble.prepare({ kind: 'ours', settings: restored }),
      await Ensemble.prepare({ kind: 'apache', size: 1 }),
    ];
    try {
      const keeper = await openKeeper(source.member(1).clientPort);
      await populate(keeper);
      const tree = await readTree(keeper);
      const [follower = source.member(1)] = await source.followers();
      const file = join(source.directory, 'backup.gz');
      await waitFor('the follower has it all', async () => (await treeOf(follower)).size === tree.size);
      const backup = await backUp(follower, file);
      const { ephemerals, digestChecked, packing } = await zabctlJson('inspect', file);
      assert.deepEqual([ephemerals, digestChecked, packing], [2, true, 'gzip']);
      await source.leader().then((leader) => leader.kill());

      const reports = await Promise.all([...here.members, ...there.members].map((member) => restore(file, member)));
      for (const { digest, zxid } of reports)
        assert.deepEqual([digest, zxid], [reports[0]?.['digest'], backup['zxid']]);
      await here.startAll();
      await hasTree(here, tree);
      for (const member of here.members) {
        const again = await backUp(member, join(here.directory, `again-${member.spec.id}`));
        assert.equal(again['digest'], reports[0]?.['digest'], 'the digest of the tree');
      }
      // It goes on from there.
      const writer = await openKeeper(here.member(2).clientPort);
      await writer.do({ op: 'create', path: '/data/later', data: null, acl: worldAll, flags: 0 });
      await writer.close();

      await there.startAll();
      await hasTree(there, tree);
      for (const { logFile } of there.members) {
        assert.doesNotMatch(await readFile(logFile, 'utf8'), /Digests are not matching/);
      }
    } finally {
      await Promise.all([source.stop(), here.stop(), there.stop()]);
    }
  });

  const becomesOneHere = (packing: string, settings: Settings) => async () => {
    const source = await Ensemble.start({ kind: 'apache', size: 1, settings });
    const target = await Ensemble.prepare({ kind: 'ours', settings: restored });
    const alone = await Ensemble.prepare({ kind: 'ours', size: 1 });
    try {
      const member = source.member(1);
      const keeper = await openKeeper(member.clientPort);
      await populate(keeper);
      const tree = await readTree(keeper);
      await member.stop();
      await keeper.closed;
      // It takes a snapshot when it starts.
      const before = (await storedFiles(member.dataDir, 'snapshot')).length;
      await member.start();
      const snapshot = await waitFor('there is a snapshot', async () => {
        await member.untilServing();
        return (await storedFiles(member.dataDir, 'snapshot'))[before];
      });
      const inspected = await zabctlJson('inspect', snapshot.path);
      assert.deepEqual([inspected['sessions'], inspected['ephemerals'], inspected['packing']], [1, 2, packing]);
      await member.stop();
      await Promise.all(target.members.map((to) => restore(snapshot.path, to)));
      await target.startAll();
      await hasTree(target, tree);

      // Or by hand, as users of ZooKeeper do; the old life's sessions then end when they are due.
      const data = join(alone.member(1).dataDir, 'version-2');
      await mkdir(data, { recursive: true });
      const bytes = await readFile(snapshot.path);
      const [name, copy] = packing === 'plain' ? ['.gz', gzipSync(bytes)] : ['', bytes];
      await writeFile(join(data, `${basename(snapshot.path)}${name}`), copy);
      await alone.startAll();
      assert.deepEqual(withoutEphemerals(await treeOf(alone.member(1))), withoutEphemerals(tree));
    } finally {
      await Promise.all([source.stop(), target.stop(), alone.stop()]);
    }
  };

  for (const [packing, settings] of [
    ['plain', {}],
    ['snappy', { 'snapshot.compression.method': 'snappy' }],
  ] as const) {
    const name = `Apache ZooKeeper's snapshot becomes a new ensemble here (${packing})`;
    it(name, { timeout: 120_000 }, becomesOneHere(packing, settings));
  }

  it('what may not be is refused, and leaves nothing', { timeout: 60_000 }, async () => {
    const ensemble = await Ensemble.start({ kind: 'ours', size: 1 });
    const target = await Ensemble.prepare({ kind: 'ours', size: 1 });
    try {
      const member = ensemble.member(1);
      const keeper = await openKeeper(member.clientPort);
      await populate(keeper);
      await keeper.do({ op: 'setACL', path: '/', acl: [{ perms: 31, scheme: 'auth', id: '' }], version: -1 });
      const file = join(ensemble.directory, 'backup');
      const refused = async (expected: RegExp, ...args: string[]): Promise<void> => {
        const { exitCode, output } = await zabctl(...args);
        assert.equal(exitCode, 1, output);
        assert.match(output, expected);
      };
      const from = ['backup', file, '--server', adminPort(member)];
      await refused(/^ZK_BACKUP_FAILED: .* answered 401 \(Auth info is missing/, ...from);
      await refused(
        /^ZK_BACKUP_FAILED: .* answered 401 \(Not authenticated/,
        ...from,
        '--auth',
        'nonsense:keeper:secret',
      );
      await refused(/^ZK_BACKUP_FAILED: .* answered 403 \(Not authorized/, ...from, '--auth', 'digest:keeper:wrong');
      assert.deepEqual((await readdir(ensemble.directory)).toSorted(), ['member-1']);

      await backUp(member, file);
      await refused(/^ZK_BACKUP_FAILED: .* exists and is left as it is/, ...from, ...anyIdentity);
      from[1] = `${file}-another`;
      await refused(/^ZK_BACKUP_FAILED: .* answered 429 .*ask again in \d+ seconds/, ...from, ...anyIdentity);

      await refused(/^ZK_RESTORE_REFUSED|^ZK_DATA_IN_USE/, 'restore', file, member.dataDir);
      const { dataDir } = target.member(1);
      const [cut, changed] = [`${file}-cut`, `${file}-changed`];
      const bytes = await readFile(file);
      await writeFile(cut, bytes);
      await truncate(cut, bytes.length - 1);
      bytes[1000] = (bytes[1000] ?? 0) ^ 1;
      await writeFile(changed, bytes);
      for (const damaged of [cut, changed]) {
        await refused(/^ZK_SNAPSHOT_CORRUPT: /, 'inspect', damaged);
        await refused(/^ZK_SNAPSHOT_CORRUPT: /, 'restore', damaged, dataDir);
      }
      await restore(file, target.member(1));
      await refused(/^ZK_RESTORE_REFUSED: .* is data of a server/, 'restore', file, dataDir);
    } finally {
      await Promise.all([ensemble.stop(), target.stop()]);
    }
  });
});
