import type { Client, PendingRequest } from './client.ts';

/**
 * The way of a client's request into the log while this member serves: on the leader it is prepared and proposed, on a
 * learner it is handed to the leader.
 */
export interface Service {
  /** The client's session showed life. False: the session is ending, and its requests are dropped. */
  touch(client: Client): boolean;
  /** A write; done when its transaction has been applied. */
  submit(request: PendingRequest): void;
  /** A sync; done when this member's state is as new as the ensemble's was when the request came. */
  sync(request: PendingRequest): void;
  /** The client's session, whose id and timeout it has, is to be created. */
  openSession(client: Client, request: PendingRequest): void;
  /** The client has brought the session along: answers, now or later, whether it is still alive. */
  renewSession(client: Client): void;
}
