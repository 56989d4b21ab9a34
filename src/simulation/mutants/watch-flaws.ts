import { edit } from './mutation.ts';
import type { Mutation } from './mutation.ts';

const CLIENTS = 'clients come and go';

/** What a client is told of changes, and when. */
export const WATCH_FLAWS: readonly Mutation[] = [
  {
    name: 'a watch that is set again does not tell what its client has missed',
    shownBy: CLIENTS,
    edits: [
      edit('pipeline/watch-requests.ts', 'else if (znode.mzxid > request.relativeZxid)', 'else if (false)'),
      edit('pipeline/watch-requests.ts', 'else if (znode.pzxid > request.relativeZxid)', 'else if (false)'),
    ],
  },
  {
    name: 'a watch that is set again tells of what its client has seen',
    shownBy: CLIENTS,
    edits: [edit('pipeline/watch-requests.ts', 'znode.mzxid > request.relativeZxid', 'true')],
  },
  {
    name: 'watches for good are not set again',
    shownBy: CLIENTS,
    edits: [
      edit(
        'pipeline/watch-requests.ts',
        "request.persistentWatches.every((path) => this.#setOneAgain(client, 'persistent', path)) &&",
        '',
      ),
    ],
  },
  {
    name: 'events leave at the end of a step, behind the answers that show what changed',
    shownBy: CLIENTS,
    edits: [
      edit(
        'pipeline/watch-events.ts',
        'this.#replies.share(client, start, end);',
        'this.#replies.late.push([client, start, end]);',
      ),
      edit(
        'pipeline/replies.ts',
        'readonly #dirty: Client[] = [];',
        'readonly #dirty: Client[] = []; readonly late = [];',
      ),
      edit(
        'pipeline/replies.ts',
        'flush(outputs: MemberOutput[]): void {',
        'flush(outputs: MemberOutput[]): void { for (const each of this.late.splice(0)) this.share(...each);',
      ),
    ],
  },
  {
    name: 'a watch outlives its event',
    shownBy: CLIENTS,
    edits: [edit('database/watch-table.ts', 'if ((has & once) !== 0) this.#setModes(watch, has & ~once);', '')],
  },
  {
    name: 'a watch of children hears nothing of those that go',
    shownBy: CLIENTS,
    edits: [
      edit(
        'database/watches.ts',
        'this.#tell(EventType.nodeDeleted, path, zxid, this.#table.takeAll(key), acl);\n    this.#fireParent(key, path, zxid, parentAcl);',
        'this.#tell(EventType.nodeDeleted, path, zxid, this.#table.takeAll(key), acl);',
      ),
    ],
  },
];
