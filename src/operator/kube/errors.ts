import { CodedError } from '../../common/errors.ts';

/** The API server's own words for why it refused (metav1.Status). */
export interface ApiStatus {
  readonly reason?: string;
  readonly message?: string;
  readonly code?: number;
}

/** The API server answered, and the answer was no. */
export class ApiRefusal extends CodedError {
  /** The HTTP status. */
  readonly status: number;
  /** One CamelCase word of Kubernetes, such as `NotFound`, `Conflict`, `Invalid`, `Expired`. */
  readonly reason: string;
  /** What the API server said, without the request. */
  readonly said: string;

  constructor(request: string, status: number, said: ApiStatus) {
    const sentence = said.message ?? `HTTP ${status}`;
    super('ZK_API_REFUSED', `${request}: ${sentence}`);
    this.name = 'ApiRefusal';
    this.status = status;
    this.reason = said.reason ?? '';
    this.said = sentence;
  }
}

/** The object is not there. */
export function isNotFound(error: unknown): boolean {
  return error instanceof ApiRefusal && error.status === 404;
}

/** The object changed since it was read, or exists already: read again and decide again. */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiRefusal && error.status === 409;
}

/** The resource version is too old for a watch: list again. */
export function isExpired(error: unknown): boolean {
  return error instanceof ApiRefusal && (error.status === 410 || error.reason === 'Expired');
}

/** Trying the same again will not help until somebody changes something. */
export function isPermanent(error: unknown): error is ApiRefusal {
  return error instanceof ApiRefusal && [400, 403, 405, 413, 415, 422].includes(error.status);
}
