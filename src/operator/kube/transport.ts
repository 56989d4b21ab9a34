import {
  IsomorphicFetchHttpLibrary,
  RequestContext,
  type HttpMethod,
  type KubeConfig,
  type ResponseContext,
} from '@kubernetes/client-node';
import { CodedError } from '../../common/errors.ts';
import { Credentials } from './credentials.ts';
import { ApiRefusal, type ApiStatus } from './errors.ts';

/** A request to the API server. */
export interface ApiRequest {
  readonly method: HttpMethod;
  /** Begins with `/api/` or `/apis/`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  /** Throws where the request must not be sent after all; called when nothing but the sending is left. */
  readonly checkLast?: () => void;
}

/** Clocks that differ by less than this, in milliseconds, are taken for the same: answers tell whole seconds. */
const SAME_TIME_MS = 2_000;

/** Told of every answer: what to count. `status` is 0 where there was no answer. */
export type RequestObserver = (request: ApiRequest, status: number, durationMs: number) => void;

/** Makes requests to the API server that the kubeconfig's current context names. */
export class Transport {
  readonly #server: string;
  readonly #credentials: Credentials;
  readonly #http = new IsomorphicFetchHttpLibrary();
  readonly #observe: RequestObserver;
  #clockOffsetMs = 0;

  constructor(config: KubeConfig, observe: RequestObserver) {
    const cluster = config.getCurrentCluster();
    if (cluster === null) {
      throw new CodedError(
        'ZK_OPERATOR_ARGUMENTS',
        'the kubeconfig has no current cluster: set KUBECONFIG, or run inside of a cluster with a service account',
      );
    }
    this.#server = cluster.server.replace(/\/$/, '');
    this.#credentials = new Credentials(config);
    this.#observe = observe;
  }

  /** By how much the API server's clock is ahead of this process's, in milliseconds, as its last answer told. */
  get clockOffsetMs(): number {
    return this.#clockOffsetMs;
  }

  /**
   * The answer, once its head has come.
   *
   * @throws ApiRefusal where its status is not 2xx
   * @throws CodedError ZK_API_UNREACHABLE where there is none
   */
  async send(request: ApiRequest): Promise<ResponseContext> {
    const context = await this.#context(request);
    request.checkLast?.();
    const startedAtMs = performance.now();
    let status = 0;
    try {
      const response = await this.#http.send(context).toPromise();
      status = response.httpStatusCode;
      this.#noteDate(response.headers['date']);
      if (status < 200 || status > 299) throw await refusal(request, response);
      return response;
    } catch (error) {
      throw unreachableUnlessCoded(request, error);
    } finally {
      this.#observe(request, status, performance.now() - startedAtMs);
    }
  }

  /** The whole answer as JSON. Throws as {@link Transport.send}. */
  async json<T>(request: ApiRequest): Promise<T> {
    const response = await this.send(request);
    try {
      return JSON.parse(await response.body.text()) as T;
    } catch (error) {
      throw unreachableUnlessCoded(request, error);
    }
  }

  #noteDate(date: string | undefined): void {
    const offsetMs = Date.parse(date ?? '') - Date.now();
    if (Number.isNaN(offsetMs)) return;
    this.#clockOffsetMs = Math.abs(offsetMs) < SAME_TIME_MS ? 0 : offsetMs;
  }

  async #context(request: ApiRequest): Promise<RequestContext> {
    const context = new RequestContext(this.#server + request.path, request.method);
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) context.setQueryParam(name, value);
    }
    try {
      await this.#credentials.authenticate(context);
    } catch (error) {
      throw unreachableUnlessCoded(request, error);
    }
    context.setHeaderParam('Accept', 'application/json');
    if (request.body !== undefined) {
      context.setHeaderParam('Content-Type', request.contentType ?? 'application/json');
      context.setBody(JSON.stringify(request.body));
    }
    if (request.signal !== undefined) context.setSignal(request.signal);
    return context;
  }
}

/** `PATCH /apis/...`, for messages. */
export function describeRequest({ method, path }: ApiRequest): string {
  return `${method} ${path}`;
}

async function refusal(request: ApiRequest, response: ResponseContext): Promise<ApiRefusal> {
  const text = await response.body.text();
  const retryAfterMs = Number(response.headers['retry-after'] ?? 0) * 1000;
  return new ApiRefusal(describeRequest(request), response.httpStatusCode, apiStatus(text), retryAfterMs || 0);
}

function apiStatus(text: string): ApiStatus {
  try {
    return JSON.parse(text) as ApiStatus;
  } catch {
    // Proxies and an overloaded API server answer in plain text.
    return { message: text.slice(0, 500).trim() };
  }
}

function unreachableUnlessCoded(request: ApiRequest, error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  // fetch says only that it failed; the cause says why.
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new CodedError('ZK_API_UNREACHABLE', `${describeRequest(request)}: ${why}`, { cause: error });
}
