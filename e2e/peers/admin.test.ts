import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Ensemble } from '../support/ensemble.ts';
import { fourLetterWord } from '../support/four-letter.ts';
import type { Member } from '../support/member.ts';
import { waitFor } from '../support/wait-for.ts';
import { RawConnection } from './raw/connection.ts';
import { worldAll } from './raw/records.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const NOT_MEASURED = [
  'client_response',
  'client_response_stats',
  'auth_failed_count',
  'non_mtlslocal_conn_count',
  'non_mtlsremote_conn_count',
];

/** Commands, and those of Apache ZooKeeper's keys that our answers leave out or fill with another type. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  configuration: [],
  connection_stat_reset: [],
  connections: [],
  dirs: [],
  // Sessions end here at a time of their own, not in buckets.
  dump: ['expiry_time_to_session_ids'],
  get_trace_mask: [],
  // 64 bits, which readers of JSON round: ours is a string.
  hash: ['digest'],
  // Null there, unless reconfiguration is enabled.
  initial_configuration: ['initial_configuration'],
  is_read_only: [],
  last_snapshot: [],
  leader: [],
  observers: [],
  ruok: [],
  server_stats: NOT_MEASURED,
  stat_reset: [],
  stats: NOT_MEASURED,
  voting_view: [],
  watches: [],
  watches_by_path: [],
  watch_summary: [],
};

/** What ZooKeeper says of itself by other means, or not at all. */
const OWN_METRICS = new Set([
  'last_zxid',
  'election_epoch',
  'fsync_threshold_exceed_count',
  'log_entries_appended',
  'log_bytes_appended',
  'snapshot_last_bytes',
]);

async function command(member: Member, name: string): Promise<Json> {
  const response = await fetch(`http://127.0.0.1:${member.spec.ports.admin}/commands/${name}`);
  return (await response.json()) as Json;
}

/** Paths of keys with the types of their values; whatever the list, `[]` stands for what is in it. */
function shapeOf(value: Json, leftOut: readonly string[], path = '', shape = new Set<string>()): Set<string> {
  if (value === null || typeof value !== 'object')
    return shape.add(`${path}: ${value === null ? 'null' : typeof value}`);
  for (const [key, each] of Object.entries<Json>(value as Record<string, Json>)) {
    if (!leftOut.includes(key)) shapeOf(each, leftOut, `${path}/${Array.isArray(value) ? '[]' : key}`, shape);
  }
  return shape;
}

describe('admin commands, beside those of Apache ZooKeeper in one ensemble', () => {
  let ensemble: Ensemble;
  before(async () => {
    const settings = { 'digest.enabled': true, 'admin.enableServer': true };
    ensemble = await Ensemble.start({ kind: ['apache', 'ours', 'ours'], settings });
    const client = await RawConnection.open({ port: ensemble.member(1).clientPort });
    const data = Buffer.from('x');
    for (let i = 0; i < 300; i++) {
      await client.do({ op: 'create', path: `/${i}`, data, acl: worldAll, flags: i % 3 === 0 ? 1 : 0 });
    }
    await client.do({ op: 'multi', parts: [{ op: 'setData', path: '/1', data: null, version: -1 }] });
    await client.close();
  });
  after(() => ensemble.stop());

  it('have the same keys', async () => {
    for (const [name, leftOut] of Object.entries(COMMANDS)) {
      const [theirs, ours] = await Promise.all([command(ensemble.member(1), name), command(ensemble.member(2), name)]);
      assert.deepEqual([...shapeOf(ours, leftOut)].toSorted(), [...shapeOf(theirs, leftOut)].toSorted(), name);
    }
  });

  it('metrics have the names of ZooKeeper', async () => {
    const [theirs, ours] = await Promise.all([1, 2].map((id) => command(ensemble.member(id), 'monitor')));
    const names = new Set(Object.keys(theirs ?? {}));
    const unknown = Object.keys(ours ?? {}).filter((name) => !names.has(name) && !OWN_METRICS.has(name));
    assert.deepEqual(unknown, []);
  });

  it('a trace mask cannot be set, and no running server is restored into', async () => {
    const [, ours] = ensemble.members;
    assert.ok(ours !== undefined);
    assert.match(JSON.stringify(await command(ours, 'set_trace_mask?traceMask=2')), /no trace to mask/);
    const url = `http://127.0.0.1:${ours.spec.ports.admin}/commands/restore`;
    const headers = { authorization: 'digest keeper:secret' };
    const refused = await fetch(url, { method: 'POST', headers, body: new Uint8Array(10) });
    assert.equal(refused.status, 409);
    assert.match(await refused.text(), /ZK_RESTORE_REFUSED/);
  });

  it('keep the same digests of the tree', async () => {
    const digests = (id: number) => fourLetterWord(ensemble.member(id).clientPort, 'hash');
    const theirs = await digests(1);
    assert.ok(theirs.split('\n').length > 2, theirs);
    for (const id of [2, 3])
      await waitFor(`member ${id} says the same`, async () => (await digests(id)) === theirs || undefined);
  });
});
