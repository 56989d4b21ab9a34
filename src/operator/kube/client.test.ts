import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, test } from 'node:test';
import type { KubeClient } from './client.ts';
import { CodedError } from '../../common/errors.ts';
import { ApiRefusal } from './errors.ts';
import { FakeApi, json, watchOf } from './fake-api.ts';

const services = { group: '', version: 'v1', plural: 'services' };
const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a', namespace: 'default' } };

let api: FakeApi;
let client: KubeClient;

beforeEach(async () => {
  api = new FakeApi();
  client = await api.listen();
});
afterEach(async () => await api.close());

test('applies on the server, as the field manager and by force', async () => {
  let type: string | undefined;
  api.script((request, response) => {
    type = request.headers['content-type'];
    json(service)(request, response);
  });
  await client.apply(services, service);
  assert.deepEqual(api.requests, ['PATCH /api/v1/namespaces/default/services/a?fieldManager=tester&force=true']);
  assert.equal(type, 'application/apply-patch+yaml');
});

test('what is not there is undefined, and gone already is deleted', async () => {
  const absent = json({ kind: 'Status', code: 404, reason: 'NotFound', message: 'services "a" not found' }, 404);
  api.script(absent, absent);
  assert.equal(await client.get(services, 'default', 'a'), undefined);
  await client.delete(services, 'default', 'a', { uid: '1' });
});

test('a refusal has the API server’s own words', async () => {
  api.script(json({ kind: 'Status', code: 422, reason: 'Invalid', message: 'spec.ports: Required value' }, 422));
  await assert.rejects(
    client.apply(services, service),
    (error) =>
      error instanceof ApiRefusal &&
      error.code === 'ZK_API_REFUSED' &&
      error.status === 422 &&
      error.reason === 'Invalid' &&
      error.message === 'PATCH /api/v1/namespaces/default/services/a: spec.ports: Required value',
  );
});

test('an answer in plain text is a refusal too', async () => {
  api.script((_, response) => {
    response.writeHead(502);
    response.end('Bad Gateway');
  });
  await assert.rejects(client.apply(services, service), /: Bad Gateway$/);
});

test('no answer is coded and says why', async () => {
  api.script((_, response) => response.destroy());
  await assert.rejects(
    client.apply(services, service),
    (error) => error instanceof CodedError && error.code === 'ZK_API_UNREACHABLE',
  );
});

test('a refusal says for how long it wants no more requests', async () => {
  api.script((_, response) => {
    response.writeHead(429, { 'Retry-After': '3' });
    response.end('too many requests');
  });
  await assert.rejects(client.apply(services, service), { status: 429, retryAfterMs: 3_000 });
});

test('the time is that of the API server, as far as the two clocks differ', async () => {
  const answerAt = (date: Date) => (_: unknown, response: ServerResponse) => {
    response.writeHead(200, { Date: date.toUTCString() });
    response.end(JSON.stringify({ metadata: {} }));
  };
  const inAnHour = Date.now() + 3_600_000;
  api.script(answerAt(new Date(inAnHour)), answerAt(new Date()));
  await client.apply(services, service);
  assert.ok(Math.abs(client.now().getTime() - inAnHour) < 60_000);
  await client.apply(services, service);
  assert.ok(Math.abs(client.now().getTime() - Date.now()) < 2_000);
});

test('a list that is older than what was seen before is refused; of another resource it says nothing', async () => {
  const list = (resourceVersion: string) => json({ kind: 'ServiceList', metadata: { resourceVersion }, items: [] });
  api.script(list('20'), list('19'), list('5'), list('20'));
  await client.list(services, {});
  await assert.rejects(client.list(services, { namespace: 'default' }), { code: 'ZK_API_STALE' });
  await client.list({ ...services, plural: 'pods' }, {});
  await client.list(services, {});
});

test('what a watch told is known to lists', async () => {
  api.script(
    watchOf([{ type: 'BOOKMARK', object: { metadata: { resourceVersion: '30' } } }]),
    json({ kind: 'ServiceList', metadata: { resourceVersion: '29' }, items: [] }),
  );
  for await (const event of client.watch(services, {}, '1', new AbortController().signal)) {
    assert.equal(event.type, 'BOOKMARK');
  }
  await assert.rejects(client.list(services, {}), { code: 'ZK_API_STALE' });
});

test('a write that was confirmed is told of; one that was refused is not', async () => {
  const told: string[] = [];
  const gated = client.behind({
    before: () => undefined,
    after: ({ request: { method, path }, answer }) => told.push(`${method} ${path} ${JSON.stringify(answer)}`),
  });
  api.script(json({ kind: 'Status', code: 409 }, 409), json({ metadata: { resourceVersion: '7' } }));
  await assert.rejects(gated.apply(services, service), { status: 409 });
  assert.deepEqual(told, []);
  await gated.apply(services, service);
  assert.deepEqual(told, ['PATCH /api/v1/namespaces/default/services/a {"metadata":{"resourceVersion":"7"}}']);
});

test('a guard that refuses keeps every write from being sent', async () => {
  const guarded = client.behind({
    before: () => {
      throw new CodedError('ZK_NOT_LEADING', 'somebody else leads');
    },
    after: () => assert.fail('nothing was written'),
  });
  const notLeading = { code: 'ZK_NOT_LEADING' };
  await assert.rejects(guarded.apply(services, service), notLeading);
  await assert.rejects(guarded.applyStatus(services, service), notLeading);
  await assert.rejects(guarded.create(services, service), notLeading);
  await assert.rejects(guarded.replace(services, service), notLeading);
  await assert.rejects(guarded.mergePatch(services, 'default', 'a', {}), notLeading);
  await assert.rejects(guarded.delete(services, 'default', 'a', { uid: '1' }), notLeading);
  assert.deepEqual(api.requests, []);
});
