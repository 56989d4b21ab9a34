import { HttpMethod, RequestContext, type KubeConfig } from '@kubernetes/client-node';

type Dispatcher = NonNullable<ReturnType<RequestContext['getDispatcher']>>;

/** How long headers are used before the library is asked again; a service account's token file is replaced hourly. */
const HEADERS_MAX_AGE_MS = 30_000;

/** How long connections are made with the same certificates before the library reads them again. */
const DISPATCHER_MAX_AGE_MS = 600_000;

/**
 * Authenticates requests as the kubeconfig says, all of them over one connection pool. The library itself makes a new
 * pool for every request, so that each would begin with a TLS handshake.
 */
export class Credentials {
  readonly #config: KubeConfig;
  #headers: Readonly<Record<string, string>> = {};
  #headersReadAtMs = -Infinity;
  #dispatcher: Dispatcher | undefined;
  #dispatcherMadeAtMs = -Infinity;

  constructor(config: KubeConfig) {
    this.#config = config;
  }

  /** Adds what the API server wants to see, and the connection pool. */
  async authenticate(request: RequestContext): Promise<void> {
    if (performance.now() - this.#headersReadAtMs > HEADERS_MAX_AGE_MS) await this.#refresh();
    for (const [name, value] of Object.entries(this.#headers)) request.setHeaderParam(name, value);
    if (this.#dispatcher !== undefined) request.setDispatcher(this.#dispatcher);
  }

  async #refresh(): Promise<void> {
    const example = new RequestContext('http://unused.invalid', HttpMethod.GET);
    await this.#config.applySecurityAuthentication(example);
    const nowMs = performance.now();
    this.#headers = example.getHeaders();
    this.#headersReadAtMs = nowMs;
    if (nowMs - this.#dispatcherMadeAtMs > DISPATCHER_MAX_AGE_MS) {
      // The pool before it ends by itself: idle connections time out, watches end at their own time.
      this.#dispatcher = example.getDispatcher();
      this.#dispatcherMadeAtMs = nowMs;
    }
  }
}
