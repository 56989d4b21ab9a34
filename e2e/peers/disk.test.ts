import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Ensemble } from '../support/ensemble.ts';
import type { Member } from '../support/member.ts';
import { serverUnderTest, type ServerKind } from '../support/server-programs.ts';
import { readLogWithApache, readSnapshotWithApache, storedFiles, type StoredFile } from './apache-tools.ts';
import { openKeeper, populate } from './populate.ts';
import { RawConnection } from './raw/connection.ts';
import { worldAll } from './raw/records.ts';
import { readTree, type Node } from './raw/tree.ts';

const subject = serverUnderTest();
/** Small, so that a short life leaves several snapshots and logs behind; and nothing is purged. */
const settings = { snapCount: 40, 'autopurge.purgeInterval': 0 };

/** Writes on until the server has taken a snapshot of everything that was there before, and returns that snapshot. */
async function untilSnapshotOfAll(member: Member, keeper: RawConnection): Promise<StoredFile> {
  await keeper.do({ op: 'create', path: '/filler', data: null, acl: worldAll, flags: 0 });
  const { zxid } = await keeper.request({ op: 'sync', path: '/' });
  for (let write = 0; write < 2000; write++) {
    await keeper.do({ op: 'setData', path: '/filler', data: Buffer.from(String(write)), version: -1 });
    const snapshots = (await storedFiles(member.dataDir, 'snapshot')).filter((file) => file.zxid > zxid);
    // The newest one may still be written.
    if (snapshots[0] !== undefined && snapshots.length > 1) return snapshots[0];
  }
  throw new Error('no snapshot after 2000 writes with snapCount 40');
}

function withoutFiller(tree: ReadonlyMap<string, Node>): Map<string, Node> {
  return new Map([...tree].filter(([path]) => path !== '/filler'));
}

describe(`what ${subject} writes to disk, read by Apache ZooKeeper's own tools`, () => {
  it('SnapshotFormatter and TxnLogToolkit', { timeout: 120_000 }, async () => {
    const ensemble = await Ensemble.start({ kind: subject, size: 1, settings });
    try {
      const member = ensemble.member(1);
      const keeper = await openKeeper(member.clientPort);
      await populate(keeper);
      const snapshot = await untilSnapshotOfAll(member, keeper);
      const live = withoutFiller(await readTree(keeper));
      await member.stop();

      const { nodes, sessions } = await readSnapshotWithApache(snapshot.path);
      assert.deepEqual([...sessions.keys()], [keeper.session.id], 'sessions of the snapshot');
      for (const [path, { data, stat }] of live) {
        const formatted = nodes.get(path);
        assert.ok(formatted !== undefined, `${path} is missing in the snapshot`);
        assert.deepEqual(
          {
            czxid: formatted.czxid,
            mzxid: formatted.mzxid,
            pzxid: formatted.pzxid,
            cversion: 2 * formatted.cversion - stat.numChildren,
            version: formatted.version,
            aversion: formatted.aversion,
            ephemeralOwner: formatted.ephemeralOwner,
            data: formatted.data.toString('latin1'),
          },
          {
            czxid: stat.czxid,
            mzxid: stat.mzxid,
            pzxid: stat.pzxid,
            cversion: stat.cversion,
            version: stat.version,
            aversion: stat.aversion,
            ephemeralOwner: stat.ephemeralOwner,
            data: data ?? '',
          },
          path,
        );
      }
      const known = [...nodes.keys()].filter((path) => path !== '/filler' && path !== '/zookeeper/config');
      assert.deepEqual(known.sort(), [...live.keys()].sort());

      const logs = await storedFiles(member.dataLogDir, 'log');
      assert.ok(logs.length > 1, 'snapCount 40 must have started new logs');
      const dumps = await Promise.all(logs.map((log) => readLogWithApache(log.path)));
      const text = dumps.map((dump) => dump.text).join('\n');
      for (const [path, { stat }] of live) {
        if (path === '/' || path.startsWith('/zookeeper')) continue;
        assert.match(text, new RegExp(`zxid 0x${stat.czxid.toString(16)} (create|create2|multi) `), path);
      }
      // What was refused has used up a zxid: there is no gap.
      const zxids = [...text.matchAll(/ zxid 0x([0-9a-f]+) /g)].map((match) => parseInt(match[1] ?? '', 16));
      assert.deepEqual(
        zxids,
        Array.from({ length: zxids.length }, (_, index) => (zxids[0] ?? 0) + index),
      );
      assert.match(text, / error /);
    } finally {
      await ensemble.stop();
    }
  });
});

/** Fills an ensemble, kills all of it at once, and starts the other kind of server on what lies on its disks. */
async function moveOver(size: number, from: ServerKind, to: ServerKind): Promise<void> {
  const before = await Ensemble.start({ kind: from, size, settings });
  const after = before.succeededBy(to);
  try {
    const keeper = await openKeeper(before.member(1).clientPort);
    await populate(keeper);
    await untilSnapshotOfAll(before.member(1), keeper);
    const written = await readTree(keeper);
    await Promise.all(before.members.map((member) => member.kill()));
    await keeper.closed;

    await after.startAll();
    for (const member of after.members) {
      const reader = await openKeeper(member.clientPort);
      assert.deepEqual(await readTree(reader), written, `the tree of member ${member.spec.id} under ${to}`);
      await reader.close();
    }
    // The session and its ephemeral nodes have come along, and can be used on.
    const renewed = await RawConnection.open({ port: after.member(1).clientPort, session: keeper.session });
    assert.equal(renewed.session.id, keeper.session.id);
    await renewed.do({ op: 'create', path: '/data/later', data: Buffer.from('x'), acl: worldAll, flags: 0 });
    await renewed.close();
    const reader = await openKeeper(after.member(size).clientPort);
    const later = await readTree(reader);
    assert.ok(later.has('/data/later'));
    assert.ok(!later.has('/members/ephemeral'), 'the ephemeral nodes end with their session');
    await reader.close();
  } finally {
    await before.stop();
    await after.stop();
  }
}

describe('data directories move between servers', () => {
  for (const size of [1, 3]) {
    it(`apache -> ${subject}, ${size} member(s)`, { timeout: 120_000 }, () => moveOver(size, 'apache', subject));
    it(`${subject} -> apache, ${size} member(s)`, { timeout: 120_000 }, () => moveOver(size, subject, 'apache'));
  }
});
