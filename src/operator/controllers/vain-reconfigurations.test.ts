import assert from 'node:assert/strict';
import { test } from 'node:test';
import { condition, readyWorld } from '../plan/fake-lives.ts';
import { FakeWorldApi, type Fate } from './fake-world-api.ts';

/** The look is confirmed; what is announced gets lost, and so does the reconfiguration. */
const NOBODY_ANSWERS: readonly Fate[] = ['done', 'failed', 'failed'];

test('a reconfiguration that comes to nothing again and again is told, with what would help, and goes on by itself', async () => {
  const world = readyWorld();
  const api = new FakeWorldApi(world);
  world.edit({ replicas: 5 });
  for (let second = 0; second < 20 && !world.serving.includes('test-3'); second++) {
    await api.look();
    world.tick();
    api.watchCatchesUp();
  }
  const told = () => api.told.filter((event) => event.startsWith('ReconfigurationInVain'));
  for (let attempt = 1; attempt <= 4; attempt++) await api.look(NOBODY_ANSWERS);
  assert.deepEqual([told(), condition(world, 'Ready').reason], [[], 'Scaling']);

  for (let attempt = 5; attempt <= 8; attempt++) await api.look(NOBODY_ANSWERS);
  const [event = '', ...more] = told();
  assert.match(event, /server\.4=.* joins\) came to nothing several times \(.*\): .*reach port 2181 of the pods/);
  assert.deepEqual(more, []);
  const { status, reason } = condition(world, 'Ready');
  assert.deepEqual([status, reason], ['False', 'ReconfigurationInVain']);

  await api.look();
  assert.deepEqual(world.voters, [1, 2, 3, 4]);
});
