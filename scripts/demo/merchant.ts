// The merchant of the demo: an HTTP client that knows an address, an API key and api.md, and nothing else of Lango.

export interface Payment {
  id: string;
  version: number;
  status: string;
  flags: string[];
  amount: number;
  amount_received: number | null;
  phone: string;
  reference: string;
  mpesa_receipt: string | null;
  confirmed_by: string | null;
  failure: { code: string; message: string; customer_message: string } | null;
  created_at: string;
}

export type TimelineEntry = { at: string } & (
  | { kind: 'transition'; from: string | null; to: string; cause: string; actor: string }
  | {
      kind: 'evidence';
      source: string;
      verdict: string;
      result_code: string | null;
      detail: string | null;
      receipt: string | null;
      amount: number | null;
    }
);

export interface PaymentRequest {
  amount: number;
  phone: string;
  reference: string;
}

/** An event as the API lists it; `data` is the payment as it was then. */
export interface RecordedEvent {
  id: string;
  type: string;
  data: { reference: string };
}

export interface Delivery {
  id: string;
  status: string;
  attempts: {
    number: number;
    started_at: string;
    duration_ms: number;
    status_code: number | null;
    error: string | null;
  }[];
}

export interface Merchant {
  /** Answers when M-PESA has answered the push, or after 10 s. */
  askForMoney(request: PaymentRequest): Promise<Payment>;
  read(paymentId: string): Promise<Payment>;
  /** The payment when it is another version than `seen`, or as it is after `seconds`. */
  waitForNews(seen: Payment, seconds: number): Promise<Payment>;
  /** Has M-PESA asked now; what the API says against it, or null. */
  check(paymentId: string): Promise<string | null>;
  timeline(paymentId: string): Promise<TimelineEntry[]>;
  /** All events of up to a hundred, oldest first. */
  events(): Promise<RecordedEvent[]>;
  registerEndpoint(url: string): Promise<{ id: string; secret: string }>;
  /** What became of one event at one endpoint, with its attempts; undefined while it has not been fanned out. */
  delivery(endpointId: string, eventId: string): Promise<Delivery | undefined>;
}

export function createMerchant(url: string, apiKey: string, signal: AbortSignal): Merchant {
  async function call(method: string, path: string, headers: Record<string, string> = {}, body?: object) {
    const response = await fetch(`${url}/v1${path}`, {
      method,
      signal,
      headers: { Authorization: `Bearer ${apiKey}`, 'Content-Type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    // biome-ignore lint/suspicious/noExplicitAny: each caller knows the shape api.md promises for its path
    const answer = (await response.json()) as any;
    if (response.ok) return answer;
    throw new ApiRefusal(method, path, answer);
  }

  return {
    askForMoney: (request) =>
      call('POST', '/payments', { 'Idempotency-Key': request.reference, Prefer: 'wait=10' }, request),
    read: (paymentId) => call('GET', `/payments/${paymentId}`),
    waitForNews: (seen, seconds) => call('GET', `/payments/${seen.id}?wait=${seconds}&version=${seen.version}`),
    async check(paymentId) {
      try {
        await call('POST', `/payments/${paymentId}/check`);
        return null;
      } catch (thrown) {
        if (thrown instanceof ApiRefusal && thrown.status === 409) return thrown.detail;
        throw thrown;
      }
    },
    timeline: async (paymentId) => (await call('GET', `/payments/${paymentId}/timeline`)).data,
    events: async () => (await call('GET', '/events?limit=100')).data.toReversed(),
    registerEndpoint: (receiverUrl) => call('POST', '/webhook-endpoints', {}, { url: receiverUrl }),
    async delivery(endpointId, eventId) {
      const { data } = await call('GET', `/webhook-endpoints/${endpointId}/deliveries?event=${eventId}`);
      return data.length === 0 ? undefined : call('GET', `/deliveries/${data[0].id}`);
    },
  };
}

class ApiRefusal extends Error {
  readonly status: number;
  readonly detail: string;
  constructor(method: string, path: string, problem: { status: number; code: string; detail: string }) {
    super(`${method} ${path} answered ${problem.status} ${problem.code}: ${problem.detail}`);
    this.name = 'ApiRefusal';
    this.status = problem.status;
    this.detail = problem.detail;
  }
}
