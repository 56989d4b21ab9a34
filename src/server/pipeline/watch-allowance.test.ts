import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readMultiResponse } from '../protocol/multi.ts';
import { EventType, OpCode, ReplyCode, SpecialXid } from '../protocol/opcodes.ts';
import * as requests from '../protocol/requests.ts';
import type { Ensemble } from './testing/ensemble.ts';
import { send } from './testing/requests.ts';
import { errorOf, replyTo, single } from './testing/single.ts';
import type { TestClient } from './testing/test-client.ts';

const WATCH_BYTES_MAX = 20_000;
/** More than fit, but less than twice as many. */
const TOO_MANY = 200;
const PERSISTENT = 0;

function pathsOf(owner: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `/${owner}-${String(i).padStart(6, '0')}`);
}

/** How many of these watches the client is granted; all others are refused. */
function watchMissing(ensemble: Ensemble, client: TestClient, owner: string, count = TOO_MANY): number {
  const xids = pathsOf(owner, count).map((path) => send.exists(client, path, true));
  ensemble.run();
  const errors = xids.map((xid) => client.reply(xid)?.error);
  const granted = errors.filter((error) => error === ReplyCode.noNode).length;
  assert.equal(errors.filter((error) => error === ReplyCode.systemError).length, count - granted);
  return granted;
}

function setWatches(client: TestClient, paths: readonly string[]): void {
  client.send(SpecialXid.setWatches, OpCode.setWatches, (writer) =>
    requests.writeSetWatchesRequest(writer, {
      relativeZxid: 2 ** 40,
      dataWatches: [],
      existWatches: paths,
      childWatches: [],
      persistentWatches: [],
      persistentRecursiveWatches: [],
    }),
  );
}

test('who watches ever more paths is refused further ones, keeps those that it has, and the log says who it is', () => {
  const { ensemble, client } = single({ watchBytesMax: WATCH_BYTES_MAX });
  const granted = watchMissing(ensemble, client, 'own');
  assert.ok(granted > 100 && granted < TOO_MANY, `${granted} are granted`);
  assert.equal(client.closedBecause, undefined);
  const warnings = ensemble.logs.filter(({ fields }) => fields['code'] === 'ZK_WATCHES_FULL');
  assert.equal(warnings.length, 1);
  assert.deepEqual(
    [warnings[0]?.fields['session'], warnings[0]?.fields['path']],
    [`0x${client.sessionId.toString(16)}`, pathsOf('own', granted + 1).at(-1)],
  );
  const [first, last] = [pathsOf('own', 1)[0] ?? '', pathsOf('own', TOO_MANY).at(-1) ?? ''];
  for (const path of [first, last]) send.create(client, path);
  ensemble.run();
  assert.deepEqual(
    client.events.map(({ type, path }) => [type, path]),
    [[EventType.nodeCreated, first]],
  );
  // That one is gone: there is room for one.
  assert.equal(watchMissing(ensemble, client, 'new', 2), 1);
});

test('whatever asks for a watch is refused; the same without one, and a watch that is there already, are not', () => {
  const { ensemble, client } = single({ watchBytesMax: WATCH_BYTES_MAX });
  send.create(client, '/a');
  ensemble.run();
  assert.equal(errorOf(ensemble, client, send.watch(client, OpCode.addWatch, '/kept', PERSISTENT)), ReplyCode.ok);
  watchMissing(ensemble, client, 'own');
  const refused = [
    send.getData(client, '/a', true),
    send.getChildren(client, '/a', true),
    send.getChildren2(client, '/a', true),
    send.exists(client, '/a', true),
    send.watch(client, OpCode.addWatch, '/a', PERSISTENT),
  ];
  for (const xid of refused) assert.equal(errorOf(ensemble, client, xid), ReplyCode.systemError);
  const operation = { type: OpCode.getData, path: '/a', watch: true } as const;
  const reads = send.multi(client, [operation, { ...operation, watch: false }], OpCode.multiRead);
  assert.deepEqual(
    readMultiResponse(replyTo(ensemble, client, reads).body).map((result) => result.type),
    [OpCode.error, OpCode.getData],
  );
  assert.equal(errorOf(ensemble, client, send.getData(client, '/a')), ReplyCode.ok);
  assert.equal(errorOf(ensemble, client, send.exists(client, '/kept', true)), ReplyCode.noNode);
});

test('others get their watches when one has taken all the room; and even they cannot take more than there is in reserve', () => {
  const { ensemble, client } = single({ watchBytesMax: WATCH_BYTES_MAX });
  const all = watchMissing(ensemble, client, 'own');
  const others = Array.from({ length: 20 }, () => ensemble.connected(1));
  const granted = others.map((other, i) => watchMissing(ensemble, other, `other-${i}`));
  assert.ok((granted[0] ?? 0) > all / 3, `the second client is granted ${granted[0]}`);
  assert.ok(
    all + granted.reduce((sum, count) => sum + count, 0) <= 2 * all,
    `${all} and ${granted.join(', ')} are granted`,
  );
});

test('a client that connects again gets what it had, though another has taken the room; what nobody can have closes it', () => {
  const { ensemble, client } = single({ watchBytesMax: WATCH_BYTES_MAX });
  const all = watchMissing(ensemble, client, 'own');
  const again = ensemble.connected(1);
  setWatches(again, pathsOf('again', Math.floor(all * 0.9)));
  ensemble.run();
  assert.deepEqual([again.replies.at(-1)?.error, again.closedBecause], [ReplyCode.ok, undefined]);
  send.create(client, pathsOf('again', 1)[0] ?? '');
  ensemble.run();
  assert.equal(again.events.length, 1);
  const greedy = ensemble.connected(1);
  setWatches(greedy, pathsOf('greedy', all));
  ensemble.run();
  // An answer, whatever it says, would be taken for success.
  assert.equal(greedy.replies.length, 0);
  assert.match(greedy.closedBecause ?? '', /watches/);
  const watches = ensemble.member(1).status().watches;
  assert.equal(watches, all + Math.floor(all * 0.9) - 1);
});
