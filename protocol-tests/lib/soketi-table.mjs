// soketi's table of apps, with the columns that soketi documents (limits-and-quotas.md §3.1).

const NUMBERS = [
  'max_presence_members_per_channel',
  'max_presence_member_size_in_kb',
  'max_channel_name_length',
  'max_event_channels_at_once',
  'max_event_name_length',
  'max_event_payload_in_kb',
  'max_event_batch_size',
];

/** Makes the table, with ids of this type; they are texts in soketi's own. */
export function makeTable(database, { name = 'apps', id = 'varchar(255)' } = {}) {
  const isMysql = database.url.startsWith('mysql');
  const truth = isMysql ? 'tinyint(1)' : 'smallint';
  const columns = [
    `id ${id} NOT NULL PRIMARY KEY`,
    `${database.quoted('key')} varchar(255) NOT NULL`,
    'secret varchar(255) NOT NULL',
    'max_connections integer NOT NULL',
    `enable_client_messages ${truth} NOT NULL`,
    `enabled ${truth} NOT NULL`,
    'max_backend_events_per_sec integer NOT NULL',
    'max_client_events_per_sec integer NOT NULL',
    'max_read_req_per_sec integer NOT NULL',
    'webhooks json NULL',
    ...NUMBERS.map((column) => `${column} smallint NULL`),
    `enable_user_authentication ${truth} NULL`,
  ];
  return database.execute(`CREATE TABLE ${name} (${columns.join(', ')})`);
}

/** What an app has in soketi's examples; what is not said is NULL. */
const USUAL = {
  max_connections: -1,
  enable_client_messages: 0,
  enabled: 1,
  max_backend_events_per_sec: -1,
  max_client_events_per_sec: -1,
  max_read_req_per_sec: -1,
};

export function insertRow(database, row, { name = 'apps' } = {}) {
  const whole = { ...USUAL, ...row };
  const columns = Object.keys(whole).map((column) => database.quoted(column));
  const marks = columns.map(() => '?');
  const sql = `INSERT INTO ${name} (${columns.join(', ')}) VALUES (${marks.join(', ')})`;
  return database.execute(sql, Object.values(whole));
}
