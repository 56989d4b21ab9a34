import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { KubeClient } from './client.ts';
import { FakeApi, json, type Answer } from './fake-api.ts';

const services = { group: '', version: 'v1', plural: 'services' };
const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a', namespace: 'default' } };
const list = { kind: 'ServiceList', metadata: { resourceVersion: '1' }, items: [] };

let api: FakeApi;
let client: KubeClient;

beforeEach(async () => {
  api = new FakeApi();
  client = await api.listen();
});
afterEach(async () => await api.close());

function refusing(status: number, retryAfterS?: number): Answer {
  return (_, response) => {
    response.writeHead(status, retryAfterS === undefined ? {} : { 'Retry-After': String(retryAfterS) });
    response.end('not now');
  };
}

const breakingOff: Answer = (_, response) => void response.destroy();

const PASSING: Readonly<Record<string, Answer>> = {
  'no answer': breakingOff,
  'an answer that breaks off': (_, response) => {
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': '100' });
    response.write('{"kind":', () => response.destroy());
  },
  'too many requests': refusing(429),
  'too many requests, for a second': refusing(429, 1),
  'an API server between two leaders': refusing(500),
  'an API server that starts': refusing(503),
};

describe('a read', () => {
  for (const [what, answer] of Object.entries(PASSING)) {
    test(`is repeated after ${what}`, async () => {
      api.script(answer, json(service), answer, json(list));
      assert.deepEqual(await client.get(services, 'default', 'a'), service);
      assert.deepEqual((await client.list(services, {})).items, []);
      assert.equal(api.requests.length, 4);
    });
  }

  test('is repeated once', async () => {
    api.script(refusing(503), breakingOff);
    await assert.rejects(client.get(services, 'default', 'a'), { code: 'ZK_API_UNREACHABLE' });
    assert.equal(api.requests.length, 2);
  });

  test('is not repeated where the API server wants to be left alone for longer, or would say the same again', async () => {
    api.script(refusing(429, 5), refusing(403), refusing(409));
    for (const status of [429, 403, 409])
      await assert.rejects(client.get(services, 'default', 'a'), { code: 'ZK_API_REFUSED', status });
    assert.equal(api.requests.length, 3);
  });

  test('that has no time left is not repeated', async () => {
    api.script(() => undefined);
    await assert.rejects(client.within(50).get(services, 'default', 'a'), { code: 'ZK_API_UNREACHABLE' });
    // On a busy machine the time may be over before the first request has arrived.
    assert.ok(api.requests.length <= 1);
  });
});

test('a write is never repeated: the next look decides whether it is still wanted', async () => {
  const writes = [
    () => client.apply(services, service),
    () => client.create(services, service),
    () => client.replace(services, service),
    () => client.mergePatch(services, 'default', 'a', {}),
    () => client.delete(services, 'default', 'a', { uid: '1' }),
  ];
  for (const write of writes) {
    api.script(refusing(503));
    await assert.rejects(write(), { status: 503 });
    api.script(breakingOff);
    await assert.rejects(write(), { code: 'ZK_API_UNREACHABLE' });
  }
  assert.equal(api.requests.length, 2 * writes.length);
});
