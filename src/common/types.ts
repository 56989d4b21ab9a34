/** A server's number in the ensemble (`server.N` and `myid`), 1 to 255. */
export type ServerId = number;

/** A client session's 64-bit id, signed as in ZooKeeper's wire format. */
export type SessionId = bigint;

/** Where lines of the log go. The pure folders are handed one; `fields` must be serializable. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** Randomness as an effect: production seeds it from the system, the simulator from its seed. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Fills the array with random bytes. */
  fill(bytes: Uint8Array): void;
}
