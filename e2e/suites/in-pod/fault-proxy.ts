// An API server that misbehaves: stands between the operator under test and the real one, and answers as the faults say that
// are set with `PUT /faults`. Runs in the operator's pod, with its service account. SEED makes a run's dice the same again.
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';

/** Rates are from 0 to 1. */
interface Faults {
  /** Requests that are answered with 409 (writes), 429 or 500, and go no further. */
  refuse: number;
  /** Writes that are done, but whose answer is lost. */
  loseAnswer: number;
  /** Answers that break off in the middle. */
  cutAnswer: number;
  /** Events of a watch after which it ends, breaks off, or goes silent for a while. */
  endWatch: number;
  /** Every deletion is answered with 500, and goes no further. */
  refuseDeletions: boolean;
  /** Reads are answered as they last were before, and watches are silent; writes reach the real API server. */
  frozen: boolean;
}

interface Recorded {
  readonly status: number;
  readonly body: Buffer;
}

const SILENCE_MS = 15_000;
const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const { PORT = '6443', SEED = '1', KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT } = process.env;

const faults: Faults = {
  refuse: 0,
  loseAnswer: 0,
  cutAnswer: 0,
  endWatch: 0,
  refuseDeletions: false,
  frozen: false,
};
const injected: Record<string, number> = {};
/** Paths of the deletions that `refuseDeletions` kept from the API server. */
const refusedDeletions: string[] = [];
/** Deletions of pods that reached the real API server, and what it answered. */
const podDeletions: { readonly path: string; readonly status: number }[] = [];
const recorded = new Map<string, Recorded>();
const watches = new Set<ServerResponse>();
const upstream = new Agent({ keepAlive: true, ca: readFileSync(`${ACCOUNT}/ca.crt`) });
const random = mulberry32(Number(SEED));

createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    log('failed', request, String(error));
    response.destroy();
  });
}).listen(Number(PORT), '127.0.0.1');

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  // Whoever does not wait for the answer is no reason to stop.
  response.on('error', () => undefined);
  const body = await bytesOf(request);
  const { method = '', url = '' } = request;
  if (url === '/faults') return control(method, body, response);
  const isRead = method === 'GET';
  const isWatch = url.includes('watch=true');
  if (faults.frozen && isRead && !isLease(url)) {
    if (isWatch) return silent(response);
    const before = recorded.get(url);
    if (before !== undefined) return inject('old answer', request, () => reply(response, before.status, before.body));
  }
  if (faults.refuseDeletions && method === 'DELETE') {
    refusedDeletions.push(url);
    return refuse(request, response, 500);
  }
  if (chance(faults.refuse)) {
    const status = pick(isRead ? [429, 500] : [409, 429, 500]);
    return refuse(request, response, status);
  }
  const real = await passOn(request, body);
  if (isWatch && real.statusCode === 200) return streamWatch(request, real, response);
  const { status, body: said } = { status: real.statusCode ?? 502, body: await bytesOf(real) };
  if (isRead && !faults.frozen) recorded.set(url, { status, body: said });
  if (method === 'DELETE' && url.includes('/pods/')) podDeletions.push({ path: url, status });
  if (!isRead && chance(faults.loseAnswer)) return inject('answer lost', request, () => response.destroy());
  if (chance(faults.cutAnswer)) return inject('answer cut', request, () => cut(response, status, said));
  reply(response, status, said);
}

function control(method: string, body: Buffer, response: ServerResponse): void {
  if (method === 'PUT') {
    const wasFrozen = faults.frozen;
    Object.assign(faults, JSON.parse(body.toString()));
    // Whoever watched through the silence has missed something, as when a connection breaks.
    if (wasFrozen && !faults.frozen) for (const watch of watches) watch.destroy();
  }
  reply(response, 200, Buffer.from(JSON.stringify({ faults, injected, refusedDeletions, podDeletions })));
}

function refuse(request: IncomingMessage, response: ServerResponse, status: number): void {
  inject(String(status), request, () => {
    if (status === 429) response.setHeader('Retry-After', '1');
    const said = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: status, message: 'injected' };
    reply(response, status, Buffer.from(JSON.stringify(said)));
  });
}

function streamWatch(request: IncomingMessage, real: IncomingMessage, response: ServerResponse): void {
  watches.add(response);
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.flushHeaders();
  let isOver = false;
  real.on('data', (chunk: Buffer) => {
    if (isOver || faults.frozen) return;
    response.write(chunk);
    if (!chance(faults.endWatch)) return;
    isOver = true;
    const how = pick(['end', 'break', 'silence'] as const);
    inject(`watch: ${how}`, request, () => {
      if (how === 'end') response.end();
      if (how === 'break') response.destroy();
      // The fault itself lasts that long: an open stream on which nothing comes.
      if (how === 'silence') setTimeout(() => response.destroy(), SILENCE_MS);
    });
  });
  real.once('error', () => response.destroy());
  real.once('close', () => response.end());
  response.once('close', () => {
    watches.delete(response);
    real.destroy();
  });
}

function silent(response: ServerResponse): void {
  watches.add(response);
  response.once('close', () => watches.delete(response));
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.flushHeaders();
}

async function passOn(from: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const { accept = '*/*', 'content-type': type = 'application/json' } = from.headers;
  const token = readFileSync(`${ACCOUNT}/token`, 'utf8').trim();
  const request = httpsRequest({
    agent: upstream,
    host: KUBERNETES_SERVICE_HOST,
    port: KUBERNETES_SERVICE_PORT,
    method: from.method,
    path: from.url,
    headers: { accept, 'content-type': type, 'content-length': body.length, authorization: `Bearer ${token}` },
  });
  request.once('response', resolve);
  request.once('error', reject);
  request.end(body);
  return await promise;
}

async function bytesOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function reply(response: ServerResponse, status: number, body: Buffer): void {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(body);
}

function cut(response: ServerResponse, status: number, body: Buffer): void {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': body.length });
  response.write(body.subarray(0, body.length / 2), () => response.destroy());
}

function inject(what: string, request: IncomingMessage, how: () => void): void {
  injected[what] = (injected[what] ?? 0) + 1;
  log(what, request);
  how();
}

function log(fault: string, { method, url }: IncomingMessage, error?: string): void {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), fault, method, url, error })}\n`);
}

/** Who leads is not what is to be tested with old answers: the operator would only stop leading. */
function isLease(url: string): boolean {
  return url.includes('/leases');
}

function chance(rate: number): boolean {
  return rate > 0 && random() < rate;
}

function pick<T>(choices: readonly [T, ...T[]]): T {
  return choices[Math.floor(random() * choices.length)] ?? choices[0];
}

/** A small generator of random numbers that a seed repeats. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
