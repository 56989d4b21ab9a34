import type { WatchEvent, Watcher } from '../database/types.ts';
import { writeReplyHeader } from '../protocol/headers.ts';
import { KeeperState, Perm, ReplyCode, SpecialXid } from '../protocol/opcodes.ts';
import type { Acl } from '../protocol/records.ts';
import { writeWatcherEvent } from '../protocol/responses.ts';
import type { Access } from './access.ts';
import type { Clients } from './clients.ts';
import type { Replies } from './replies.ts';
import type { MemberObserver } from './types.ts';

/**
 * Tells watchers what happened. Events go into the reply bytes while the transaction is applied, so they are ahead of every
 * reply that could show its effect: a client hears of a change before it sees it. Written once for all watchers; who may
 * not read the znode hears nothing (ZOOKEEPER-1416).
 */
export class WatchEvents {
  readonly #access: Access;
  readonly #replies: Replies;
  readonly #clients: Clients;
  readonly #observer: Pick<Partial<MemberObserver>, 'told'> | undefined;

  constructor(
    access: Access,
    replies: Replies,
    clients: Clients,
    observer: Pick<Partial<MemberObserver>, 'told'> | undefined,
  ) {
    this.#access = access;
    this.#replies = replies;
    this.#clients = clients;
    this.#observer = observer;
  }

  fire(event: WatchEvent, watchers: readonly Watcher[], acl: readonly Acl[]): void {
    const { writer } = this.#replies;
    const start = writer.beginLength();
    writeReplyHeader(writer, SpecialXid.watchEvent, event.zxid, ReplyCode.ok);
    writeWatcherEvent(writer, { type: event.type, state: KeeperState.syncConnected, path: event.path });
    writer.endLength(start);
    const end = writer.length;
    let told = 0;
    for (const watcher of watchers) {
      const client = this.#clients.get(watcher);
      if (client === undefined || !this.#access.allows(acl, Perm.read, client.identities)) continue;
      this.#replies.share(client, start, end);
      told++;
    }
    this.#observer?.told?.(event.type, told, end - start);
  }
}
