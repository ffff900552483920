// The floor that the numbers are ratios to, a process of its own: the least that a Node server can do and still be
// durable. Bare node:http, JSON.parse, mysql2 with as many connections as Lango has, and either one autocommit INSERT
// or one SELECT by primary key. No framework, no checks, no keys, no sealing, no second index.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import mysql, { type ResultSetHeader, type RowDataPacket } from 'mysql2';

const connectionLimit = 20;
const table = `CREATE TABLE IF NOT EXISTS bench_floor (
  id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY,
  status VARCHAR(12) NOT NULL, amount INT NOT NULL, phone VARCHAR(12) NOT NULL, reference VARCHAR(12) NOT NULL,
  description VARCHAR(13) NOT NULL, metadata TEXT NOT NULL, created_at BIGINT NOT NULL)`;
const insert =
  'INSERT INTO bench_floor (status, amount, phone, reference, description, metadata, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)';
const select = 'SELECT * FROM payments WHERE id = ?';

const pool = mysql.createPool({ uri: process.env.DATABASE_URL ?? '', connectionLimit });

function answer(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value);
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

function create(text: string, response: ServerResponse): void {
  const { amount, phone, reference, description, metadata } = JSON.parse(text);
  const row = ['queued', amount, phone, reference, description, JSON.stringify(metadata), Date.now()];
  pool.execute<ResultSetHeader>(insert, row, (error, result) => {
    if (error !== null) answer(response, 500, { error: error.message });
    else
      answer(response, 201, { id: result.insertId, status: 'queued', amount, phone, reference, description, metadata });
  });
}

function read(id: string, response: ServerResponse): void {
  pool.execute<RowDataPacket[]>(select, [id], (error, rows) => {
    if (error !== null) answer(response, 500, { error: error.message });
    else answer(response, rows.length === 1 ? 200 : 404, rows[0] ?? null);
  });
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  if (request.method === 'GET') {
    read(request.url!.slice(request.url!.lastIndexOf('/') + 1), response);
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => create(Buffer.concat(chunks).toString('utf8'), response));
}

pool.query(table, (error) => {
  if (error !== null) throw error;
  const server = createServer(serve);
  server.keepAliveTimeout = 65_000;
  server.listen(0, '127.0.0.1', () =>
    process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }),
  );
});
process.on('disconnect', () => process.exit(0));
