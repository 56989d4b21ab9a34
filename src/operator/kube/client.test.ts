import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { KubeClient } from './client.ts';
import { CodedError } from '../../common/errors.ts';
import { ApiRefusal } from './errors.ts';
import { FakeApi, json } from './fake-api.ts';

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
  await assert.rejects(client.get(services, 'default', 'a'), /: Bad Gateway$/);
});

test('no answer is coded and says why', async () => {
  api.script((_, response) => response.destroy());
  await assert.rejects(
    client.get(services, 'default', 'a'),
    (error) => error instanceof CodedError && error.code === 'ZK_API_UNREACHABLE',
  );
});

test('a guard that refuses keeps every write from being sent', async () => {
  const guarded = client.guardedBy(() => {
    throw new CodedError('ZK_NOT_LEADING', 'somebody else leads');
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
