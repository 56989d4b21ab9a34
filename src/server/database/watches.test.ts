import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { EventType } from '../protocol/opcodes.ts';
import { PathKey } from './path-key.ts';
import { Records } from './records.ts';
import type { Watcher, WatchKind, WatchSelection } from './types.ts';
import { ClientWatches } from './watches.ts';

type Mode = 'standard' | 'persistent' | 'recursive';
type Told = readonly [watcher: Watcher, type: number, path: string];

/** One of ZooKeeper's two tables (WatchManager), as plainly as it can be said. */
class Table {
  readonly #modes = new Map<string, Map<Watcher, Set<Mode>>>();

  get size(): number {
    return [...this.#modes.values()].reduce((sum, watchers) => sum + watchers.size, 0);
  }

  add(path: string, watcher: Watcher, mode: Mode): void {
    const watchers = this.#modes.get(path) ?? new Map<Watcher, Set<Mode>>();
    this.#modes.set(path, watchers.set(watcher, (watchers.get(watcher) ?? new Set<Mode>()).add(mode)));
  }

  has(path: string, watcher: Watcher, mode?: Mode): boolean {
    const modes = this.#modes.get(path)?.get(watcher);
    return modes !== undefined && (mode === undefined || modes.has(mode));
  }

  remove(path: string, watcher: Watcher, mode?: Mode): boolean {
    const watchers = this.#modes.get(path);
    const modes = watchers?.get(watcher);
    if (watchers === undefined || modes === undefined) return false;
    const removed = mode === undefined || modes.delete(mode);
    if (mode === undefined || modes.size === 0) watchers.delete(watcher);
    return removed;
  }

  removeWatcher(watcher: Watcher): void {
    for (const watchers of this.#modes.values()) watchers.delete(watcher);
  }

  trigger(path: string): Set<Watcher> {
    const fired = new Set(this.#modes.get(path)?.keys());
    for (const watcher of fired) this.remove(path, watcher, 'standard');
    for (let at = path; at !== '/';) {
      at = at.slice(0, at.lastIndexOf('/')) || '/';
      for (const [watcher, modes] of this.#modes.get(at) ?? []) if (modes.has('recursive')) fired.add(watcher);
    }
    return fired;
  }
}

/** DataTree's use of the two. */
class Model {
  readonly data = new Table();
  readonly child = new Table();
  readonly told: Told[] = [];

  add(kind: WatchKind, path: string, watcher: Watcher): void {
    if (kind === 'data') this.data.add(path, watcher, 'standard');
    if (kind === 'children') this.child.add(path, watcher, 'standard');
    if (kind === 'persistent') this.data.add(path, watcher, 'persistent');
    if (kind === 'persistent') this.child.add(path, watcher, 'persistent');
    if (kind === 'persistentRecursive') this.data.add(path, watcher, 'recursive');
  }

  has(selection: WatchSelection, path: string, watcher: Watcher): boolean {
    if (selection === 'data') return this.data.has(path, watcher, 'standard');
    if (selection === 'children') return this.child.has(path, watcher, 'standard');
    if (selection === 'persistent') return this.data.has(path, watcher, 'persistent');
    if (selection === 'persistentRecursive') return this.data.has(path, watcher, 'recursive');
    return this.data.has(path, watcher) || this.child.has(path, watcher);
  }

  remove(selection: WatchSelection, path: string, watcher: Watcher): boolean {
    if (selection === 'data') return this.data.remove(path, watcher, 'standard');
    if (selection === 'children') return this.child.remove(path, watcher, 'standard');
    if (selection === 'persistentRecursive') return this.data.remove(path, watcher, 'recursive');
    const mode = selection === 'persistent' ? 'persistent' : undefined;
    const fromChild = this.child.remove(path, watcher, mode);
    return this.data.remove(path, watcher, mode) || fromChild;
  }

  removeWatcher(watcher: Watcher): void {
    this.data.removeWatcher(watcher);
    this.child.removeWatcher(watcher);
  }

  created(path: string): void {
    this.#tell(this.data.trigger(path), EventType.nodeCreated, path);
    this.#parent(path);
  }

  deleted(path: string): void {
    this.#tell(new Set([...this.data.trigger(path), ...this.child.trigger(path)]), EventType.nodeDeleted, path);
    this.#parent(path);
  }

  changed(path: string): void {
    this.#tell(this.data.trigger(path), EventType.nodeDataChanged, path);
  }

  #parent(path: string): void {
    const parent = path.slice(0, path.lastIndexOf('/')) || '/';
    this.#tell(this.child.trigger(parent), EventType.nodeChildrenChanged, parent);
  }

  #tell(watchers: Set<Watcher>, type: number, path: string): void {
    for (const watcher of watchers) this.told.push([watcher, type, path]);
  }
}

const path = fc.constantFrom('/', '/a', '/a/b', '/a/b/c', '/a/é', '/ab', '/b');
const watcher = fc.constantFrom(1, 2, 3, 2 ** 40);
const kind = fc.constantFrom<WatchKind>('data', 'children', 'persistent', 'persistentRecursive');
const selection = fc.oneof(kind, fc.constant<WatchSelection>('any'));
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('add' as const), kind, path, watcher }) },
  fc.record({ do: fc.constant('remove' as const), selection, path, watcher }),
  fc.record({ do: fc.constant('disconnect' as const), watcher }),
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('created' as const, 'deleted' as const, 'changed' as const),
      path: path.filter((p) => p !== '/'),
    }),
  },
);

test('watches fire as ZooKeeper has them fire', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const told: Told[] = [];
      const watches = new ClientWatches((event, watchers) => {
        for (const one of watchers) told.push([one, event.type, event.path]);
      }, new PathKey(5));
      const model = new Model();
      const key = new PathKey(5);
      for (const s of steps) {
        if (s.do === 'add') {
          watches.add(s.kind, s.path, s.watcher);
          model.add(s.kind, s.path, s.watcher);
        } else if (s.do === 'remove') {
          assert.equal(
            watches.has(s.selection, s.path, s.watcher),
            model.has(s.selection, s.path, s.watcher),
            JSON.stringify(s),
          );
          assert.equal(
            watches.remove(s.selection, s.path, s.watcher),
            model.remove(s.selection, s.path, s.watcher),
            JSON.stringify(s),
          );
        } else if (s.do === 'disconnect') {
          watches.removeWatcher(s.watcher);
          model.removeWatcher(s.watcher);
        } else {
          key.set(s.path);
          model[s.do](s.path);
          if (s.do === 'created') watches.fireCreated(key, s.path, 1, [], []);
          else if (s.do === 'deleted') watches.fireDeleted(key, s.path, 1, [], []);
          else watches.fireDataChanged(key, s.path, 1, []);
        }
        assert.deepEqual(told.map(String).toSorted(), model.told.map(String).toSorted());
        assert.equal(watches.count, model.data.size + model.child.size);
        const own = [1, 2, 3, 2 ** 40].map((one) => watches.bytesOf(one));
        assert.ok(watches.bytes <= own.reduce((sum, bytes) => sum + bytes, 0));
        assert.equal(watches.bytes > 0, watches.count > 0);
      }
      for (const one of [1, 2, 3, 2 ** 40]) watches.removeWatcher(one);
      assert.deepEqual([watches.count, watches.pathCount, watches.watcherCount, watches.bytes], [0, 0, 0, 0]);
    }),
    { numRuns: 500 },
  );
});

test('a watcher says what it watches', () => {
  const watches = new ClientWatches(() => {}, new PathKey(5));
  for (const p of ['/', '/é', '/a/b']) watches.add('data', p, 7);
  watches.add('children', '/é', 7);
  watches.add('data', '/other', 8);
  assert.deepEqual([...watches.pathsOf(7)].toSorted(), ['/', '/a/b', '/é']);
  assert.deepEqual(watches.pathsOf(9), []);
  assert.deepEqual([watches.pathCount, watches.watcherCount], [4, 2]);
});

test('what watches take is told for all of them, with each path once, and for one as if it were alone', () => {
  const watches = new ClientWatches(() => {}, new PathKey(5));
  const path = `/${'x'.repeat(999)}`;
  const alone = watches.bytesToAdd(path, 1);
  assert.ok(alone > 1000 && alone < 1200, `${alone} bytes`);
  watches.add('data', path, 1);
  assert.deepEqual([watches.bytes, watches.bytesOf(1), watches.bytesToAdd(path, 1)], [alone, alone, 0]);
  watches.add('children', path, 1);
  watches.add('data', path, 2);
  assert.deepEqual([watches.bytesOf(1), watches.bytesOf(2)], [alone, alone]);
  assert.ok(watches.bytes < alone + 100, `${watches.bytes} bytes`);
  watches.removeWatcher(1);
  assert.deepEqual([watches.bytes, watches.bytesOf(1)], [alone, 0]);
});

test('the ACL of the event goes along', () => {
  const told: unknown[] = [];
  const watches = new ClientWatches((event, watchers, acl) => told.push([event, watchers, acl]), new PathKey(5));
  const key = new PathKey(5);
  const acl = [{ perms: 1, scheme: 'world', id: 'anyone' }];
  const parentAcl = [{ perms: 2, scheme: 'world', id: 'anyone' }];
  watches.add('persistent', '/', 1);
  watches.add('data', '/a', 2);
  key.set('/a');
  watches.fireDeleted(key, '/a', 5, acl, parentAcl);
  assert.deepEqual(told, [
    [{ type: EventType.nodeDeleted, path: '/a', zxid: 5 }, [2], acl],
    [{ type: EventType.nodeChildrenChanged, path: '/', zxid: 5 }, [1], parentAcl],
  ]);
});

test('a recursive watch makes nobody look at all the watches of other kinds above what changes', (t) => {
  const watches = new ClientWatches(() => undefined, new PathKey(0));
  for (let watcher = 1; watcher <= 10_000; watcher++) watches.add('data', '/app', watcher);
  watches.add('persistentRecursive', '/elsewhere', 1);
  const key = new PathKey(0);
  key.set('/app/child');
  const looks = t.mock.method(Records.prototype, 'int');
  watches.fireCreated(key, '/app/child', 1, [], []);
  assert.ok(looks.mock.callCount() < 1000, `${looks.mock.callCount()} looks`);
});
