import { JuteReader } from '../../protocol/jute-reader.ts';
import { JuteWriter } from '../../protocol/jute-writer.ts';
import { readAcl, readStatPersisted, writeAcl, writeStatPersisted } from '../../protocol/record-codecs.ts';
import type { Acl } from '../../protocol/records.ts';
import type { Database, DatabaseSnapshot } from '../types.ts';
import { type Model, type ModelZnode, textOf } from './model.ts';

/** What a snapshot's body says, in a form that compares deeply. */
export interface Content {
  readonly sessions: ReadonlyMap<bigint, number>;
  readonly znodes: ReadonlyMap<string, ModelZnode>;
}

/** All that is left of a snapshot, in one piece. */
export function drain(snapshot: DatabaseSnapshot, chunkBytes = 1000): Uint8Array {
  const chunks: Uint8Array[] = [];
  for (let chunk = snapshot.next(chunkBytes); chunk !== undefined; chunk = snapshot.next(chunkBytes))
    chunks.push(chunk);
  return Buffer.concat(chunks);
}

export function contentOf(database: Database): Content {
  return readContent(drain(database.snapshot()));
}

export function modelContent(model: Model): Content {
  const znodes = new Map<string, ModelZnode>();
  for (const [path, znode] of model.znodes) znodes.set(path, { ...znode });
  return { sessions: new Map(model.sessions), znodes };
}

/** Reads a snapshot's body with nothing of the code under test but jute itself. */
export function readContent(body: Uint8Array): Content {
  const reader = new JuteReader(body);
  const sessions = new Map<bigint, number>();
  for (let left = reader.readInt(); left > 0; left--) sessions.set(reader.readLong(), reader.readInt());
  const acls = new Map<number, readonly Acl[]>([[-1, [{ perms: 31, scheme: 'world', id: 'anyone' }]]]);
  for (let left = reader.readInt(); left > 0; left--) acls.set(reader.readExactLong(), readAcl(reader));
  const znodes = new Map<string, ModelZnode>();
  for (let path = reader.readString(); path !== '/'; path = reader.readString()) {
    const data = textOf(reader.readBuffer());
    const acl = acls.get(reader.readExactLong()) ?? [];
    znodes.set(path === '' ? '/' : path, { data, acl, ...readStatPersisted(reader) });
  }
  if (reader.remaining > 0) throw new Error(`${reader.remaining} bytes follow the end`);
  return { sessions, znodes };
}

/** A body as ZooKeeper writes one: the ACL map first, each znode as it is when `visit` reaches it. */
export class BodyWriter {
  readonly #writer = new JuteWriter();
  readonly #ids = new Map<string, number>();

  constructor(sessions: ReadonlyMap<bigint, number>, acls: readonly (readonly Acl[])[]) {
    this.#writer.writeInt(sessions.size);
    for (const [id, timeoutMs] of sessions) {
      this.#writer.writeLong(id);
      this.#writer.writeInt(timeoutMs);
    }
    for (const acl of acls)
      if (!this.#ids.has(JSON.stringify(acl))) this.#ids.set(JSON.stringify(acl), this.#ids.size + 1);
    this.#writer.writeInt(this.#ids.size);
    for (const [acl, id] of this.#ids) {
      this.#writer.writeExactLong(id);
      writeAcl(this.#writer, JSON.parse(acl) as Acl[]);
    }
  }

  znode(path: string, znode: ModelZnode): void {
    this.#writer.writeString(path === '/' ? '' : path);
    this.#writer.writeBuffer(znode.data === null ? null : Buffer.from(znode.data, 'latin1'));
    // An ACL that came later than the map has an id that is in no map.
    this.#writer.writeExactLong(this.#ids.get(JSON.stringify(znode.acl)) ?? 1_000_000);
    writeStatPersisted(this.#writer, znode);
  }

  end(): Uint8Array {
    this.#writer.writeString('/');
    return this.#writer.copy();
  }
}
