import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { parseZooCfg } from '../config/zoo-cfg.ts';
import type { AdminAccess } from '../pipeline/admin-access.ts';
import { createAdminServer } from './admin-server.ts';
import { listen, portOf, stopListening } from './listen.ts';
import type { ServerView } from './server-view.ts';
import { SILENT } from './testing/silent-logger.ts';

const stops: (() => Promise<unknown>)[] = [];
after(() => Promise.all(stops.map((stop) => stop())));

async function post(access: AdminAccess, command: string): Promise<{ status: number; error: string }> {
  const { config } = parseZooCfg('dataDir=/data', 'zoo.cfg', () => '');
  const view: Partial<ServerView> = { config, logger: SILENT, adminAccess: () => access };
  const server = createAdminServer(view as ServerView);
  await listen(server, { host: '127.0.0.1', port: 0 }, 'tests');
  stops.push(() => stopListening(server));
  const url = `http://127.0.0.1:${portOf(server)}/commands/${command}`;
  const response = await fetch(url, {
    method: 'POST',
    body: new Uint8Array(100_000),
    headers: { connection: 'close' },
  });
  const { error } = (await response.json()) as { error: string };
  return { status: response.status, error };
}

test('a running server takes in no snapshot, and says where one can be restored', async () => {
  for (const command of ['restore', 'rest']) {
    const { status, error } = await post('allowed', command);
    assert.equal(status, 409);
    assert.match(error, /^ZK_RESTORE_REFUSED: .*zabctl restore.*spec\.bootstrap\.restore/);
  }
  assert.equal((await post('missing', 'restore')).status, 401);
  assert.equal((await post('notAuthorized', 'restore')).status, 403);
});
