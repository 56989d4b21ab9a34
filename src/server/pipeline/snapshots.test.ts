import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeUtf8 } from '../../common/utf8.ts';
import { readGetDataResponse } from '../protocol/responses.ts';
import { Ensemble } from './testing/ensemble.ts';
import { send } from './testing/requests.ts';
import { replyTo, single } from './testing/single.ts';

test('a snapshot is of the moment, and only of a member that serves', () => {
  const { ensemble, client } = single();
  const { zxid } = replyTo(ensemble, client, send.create(client, '/a'));
  const snapshot = ensemble.member(1).snapshot();
  assert.equal(snapshot?.zxid, zxid);
  replyTo(ensemble, client, send.create(client, '/b'));
  let body = '';
  for (let piece = snapshot?.next(100); piece !== undefined; piece = snapshot?.next(100)) {
    body += Buffer.from(piece).toString('latin1');
  }
  assert.deepEqual([body.includes('/a'), body.includes('/b')], [true, false]);
  const looking = new Ensemble(1);
  looking.startAll();
  assert.equal(looking.member(1).snapshot(), undefined);
});

test('snapshots are taken as transactions come, and a member starts from snapshot and log', () => {
  const { ensemble, client } = single({ snapshotEveryTransactions: 10 });
  for (let i = 0; i < 25; i++) send.create(client, `/n${i}`, { data: encodeUtf8(`data ${i}`) });
  ensemble.run();
  for (let i = 25; i < 50; i++) {
    send.create(client, `/n${i}`);
    ensemble.run();
  }
  const { snapshot } = ensemble.disk(1);
  assert.ok(snapshot !== undefined && snapshot.zxid > 0);
  const before = ensemble.member(1).status();
  ensemble.crash(1);
  ensemble.start(1);
  ensemble.untilServing();
  const after = ensemble.member(1).status();
  assert.deepEqual([after.znodes, after.sessions, after.dataBytes], [before.znodes, before.sessions, before.dataBytes]);
  const again = ensemble.connected(1);
  const data = readGetDataResponse(replyTo(ensemble, again, send.getData(again, '/n7')).body).data;
  assert.deepEqual(data, encodeUtf8('data 7'));
});

test('snapshots are taken as bytes come, too: a few large transactions fill a volume as well as many small ones', () => {
  const { ensemble, client } = single({ snapshotEveryBytes: 10_000 });
  send.create(client, '/small');
  ensemble.run();
  assert.equal(ensemble.disk(1).snapshot, undefined);
  const zxids = new Set<number>();
  for (let i = 0; i < 20; i++) {
    send.create(client, `/large${i}`, { data: new Uint8Array(3_000) });
    ensemble.run();
    zxids.add(ensemble.disk(1).snapshot?.zxid ?? 0);
  }
  assert.ok(zxids.size > 5, `${zxids.size} snapshots of 60 kB`);
});
