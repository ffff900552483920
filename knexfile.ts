// For knex's own command line (`npx knex migrate:status --knexfile knexfile.ts`). The servers and `lango migrate` use
// the same source of migrations through platform/migrate.

import { readConfig } from './src/config.ts';
import { openDatabase } from './src/platform/database.ts';
import { migratorConfig } from './src/platform/migrate.ts';

const { client, connection, pool, useNullAsDefault } = openDatabase(readConfig().databaseUrl).client.config;

export default { client, connection, pool, useNullAsDefault, migrations: migratorConfig };
