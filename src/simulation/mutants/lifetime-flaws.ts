import { edit } from './mutation.ts';
import type { Mutation } from './mutation.ts';

const BOXES = 'containers and TTL znodes come and go';

/** What the server takes away by itself, and when. */
export const LIFETIME_FLAWS: readonly Mutation[] = [
  {
    name: 'a container is taken away with what is in it',
    shownBy: BOXES,
    edits: [
      edit('pipeline/reaper.ts', 'znode.children.size === 0 && znode', 'znode'),
      edit(
        'pipeline/prepare.ts',
        'if (record.childCount > 0) return ReplyCode.notEmpty;\n    if (isEphemeralOwner',
        'if (isEphemeralOwner',
      ),
    ],
  },
  {
    name: 'a container is taken away before its first child comes',
    shownBy: BOXES,
    edits: [edit('pipeline/reaper.ts', '&& znode.storedCversion > 0', '')],
  },
  {
    name: 'a container is taken away while its next child is on the way',
    shownBy: BOXES,
    edits: [
      edit('pipeline/leading.ts', 'if (this.#preparer.changes.has(path)) continue;', ''),
      edit(
        'pipeline/prepare.ts',
        'if (record.childCount > 0) return ReplyCode.notEmpty;\n    if (isEphemeralOwner',
        'if (isEphemeralOwner',
      ),
    ],
  },
  {
    name: 'the time to live counts from the creation, not from the last change',
    shownBy: BOXES,
    edits: [edit('pipeline/reaper.ts', 'wallMs - znode.mtimeMs', 'wallMs - znode.stat.ctimeMs')],
  },
  {
    name: 'a TTL znode goes with what is in it',
    shownBy: BOXES,
    edits: [
      edit('pipeline/reaper.ts', 'if (znode.children.size > 0) continue;', ''),
      edit(
        'pipeline/prepare.ts',
        'if (record.childCount > 0) return ReplyCode.notEmpty;\n    if (isEphemeralOwner',
        'if (isEphemeralOwner',
      ),
    ],
  },
  {
    name: 'containers stay when they are empty',
    shownBy: BOXES,
    edits: [
      edit('pipeline/reaper.ts', 'for (const znode of this.#database.containers()) {', 'for (const znode of []) {'),
    ],
  },
];
