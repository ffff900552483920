// What a key may do. A key without named scopes may do all of it (api.md, scopes).

export const scopes = [
  'payments:write',
  'payments:read',
  'events:read',
  'webhooks:manage',
  'links:write',
  'reports:read',
] as const;

export type Scope = (typeof scopes)[number];
