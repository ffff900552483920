// Who may do what in the console. One table; every page and every action names the permission it needs, and a test walks
// roles × routes.

export const operatorRoles = ['owner', 'operator', 'viewer'] as const;
export type OperatorRole = (typeof operatorRoles)[number];

export const permissions = {
  /** See pages. */
  view: ['owner', 'operator', 'viewer'],
  /** Check, retry, send webhooks again, replay, test, pause and enable. Nothing of it moves money or shows a secret. */
  act: ['owner', 'operator'],
  /** Ask for and approve what settles money by hand. */
  settle: ['owner', 'operator'],
  /** See a customer's number in full. */
  revealPhone: ['owner', 'operator'],
  /** Keys, webhook secrets, credentials. */
  secrets: ['owner', 'operator'],
  /** Tenants, shortcodes and their settings. */
  setUp: ['owner', 'operator'],
  /** Operators and their sessions. */
  people: ['owner'],
} as const satisfies Record<string, readonly OperatorRole[]>;

export type Permission = keyof typeof permissions;

export function may(role: OperatorRole, permission: Permission): boolean {
  return (permissions[permission] as readonly OperatorRole[]).includes(role);
}

/** These ask for the authenticator's code once more, unless it was given within ten minutes. */
export const stepUpPermissions: ReadonlySet<Permission> = new Set(['settle', 'revealPhone', 'secrets', 'people']);
