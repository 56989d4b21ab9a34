import { CodedError } from '../../common/errors.ts';

/** The API server's own words for why it refused (metav1.Status). */
export interface ApiStatus {
  readonly reason?: string;
  readonly message?: string;
  readonly code?: number;
}

/** A longer wait than this, in milliseconds, is not asked for by an API server that will be there again. */
const RETRY_AFTER_MAX_MS = 60_000;

/** The API server answered, and the answer was no. */
export class ApiRefusal extends CodedError {
  /** The HTTP status. */
  readonly status: number;
  /** One CamelCase word of Kubernetes, such as `NotFound`, `Conflict`, `Invalid`, `Expired`. */
  readonly reason: string;
  /** What the API server said, without the request. */
  readonly said: string;
  /** For how long the API server wants to be left alone, in milliseconds; 0 where it did not say. */
  readonly retryAfterMs: number;

  constructor(request: string, status: number, said: ApiStatus, retryAfterMs = 0) {
    const sentence = said.message ?? `HTTP ${status}`;
    super('ZK_API_REFUSED', `${request}: ${sentence}`);
    this.name = 'ApiRefusal';
    this.status = status;
    this.reason = said.reason ?? '';
    this.said = sentence;
    this.retryAfterMs = Math.min(retryAfterMs, RETRY_AFTER_MAX_MS);
  }
}

/** The object is not there. */
export function isNotFound(error: unknown): boolean {
  return error instanceof ApiRefusal && error.status === 404;
}

/** This operator has no right to do so, as one of a single namespace has none outside of it. */
export function isForbidden(error: unknown): boolean {
  return error instanceof ApiRefusal && error.status === 403;
}

/** The object changed since it was read, or exists already: read again and decide again. */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiRefusal && error.status === 409;
}

/** The resource version is too old for a watch, or cannot be read at all: list again. */
export function refusesVersion(error: unknown): boolean {
  if (!(error instanceof ApiRefusal)) return false;
  return error.reason === 'Expired' || (error.status >= 400 && error.status < 500 && error.status !== 429);
}

/** Trying the same again will not help until somebody changes something. */
export function isPermanent(error: unknown): error is ApiRefusal {
  return error instanceof ApiRefusal && [400, 403, 405, 413, 415, 422].includes(error.status);
}

/** For how long the API server asked to be left alone, in milliseconds. */
export function retryAfterMs(error: unknown): number {
  return error instanceof ApiRefusal ? error.retryAfterMs : 0;
}
