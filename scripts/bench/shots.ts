// What the load generator sends, as plain data that can be handed to its process, and how it becomes bytes on the wire.
// Every payment asked for has its own phone, Idempotency-Key and amount, so that neither the duplicate window nor a
// replay ever answers instead of an insert.

/** One request, head and body. */
export type Shot = string;

interface Common {
  /** The status every answer must have. */
  expect: number;
}

export type Shots = Common &
  (
    | { kind: 'create'; path: string; headers: Readonly<Record<string, string>>; firstSerial: number }
    /** Paths to GET in any order, again and again; the file is a JSON array of ids. */
    | { kind: 'read'; prefix: string; headers: Readonly<Record<string, string>>; idsFile: string }
    /** Each path is POSTed once, in order; the file is a JSON array of `[path, body]`. */
    | { kind: 'list'; file: string }
  );

const json = { 'Content-Type': 'application/json' };

/** @param read loads a file of the job */
export function shotMaker(shots: Shots, read: (file: string) => unknown): () => Shot | undefined {
  switch (shots.kind) {
    case 'create': {
      let serial = shots.firstSerial;
      return () => {
        serial += 1;
        return request(
          'POST',
          shots.path,
          { ...json, ...shots.headers, 'Idempotency-Key': `bench-${serial}` },
          paymentBody(serial),
        );
      };
    }
    case 'read': {
      const ids = read(shots.idsFile) as string[];
      return () => request('GET', shots.prefix + ids[Math.floor(Math.random() * ids.length)], shots.headers, '');
    }
    case 'list': {
      const list = read(shots.file) as [path: string, body: string][];
      let at = 0;
      return () => {
        const entry = list[at];
        at += 1;
        return entry === undefined ? undefined : request('POST', entry[0], json, entry[1]);
      };
    }
    default:
      return shots satisfies never;
  }
}

/** As a shop's app would write it: 180 bytes with an order number of its own. */
function paymentBody(serial: number): string {
  return JSON.stringify({
    amount: 1 + (serial % 70_000),
    phone: `07${String(serial).padStart(8, '0')}`,
    reference: `ORDER-${serial % 1_000_000}`,
    description: 'Bench',
    metadata: { order: String(serial), channel: 'web' },
  });
}

function request(method: string, path: string, headers: Readonly<Record<string, string>>, body: string): Shot {
  let head = `${method} ${path} HTTP/1.1\r\nHost: bench\r\n`;
  for (const name in headers) head += `${name}: ${headers[name]}\r\n`;
  return body === '' ? `${head}\r\n` : `${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
