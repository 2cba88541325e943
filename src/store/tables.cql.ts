// The tables of the CQL store, as version 1 of the schema has them. Ids are kept as they are written everywhere else, so that an operator finds them by hand.

/** Merged by max, with the value itself as the timestamp: rewritten often, read whole. */
const rewritten = "WITH compaction = {'class': 'LeveledCompactionStrategy'}";

/**
 * Name → columns and options. A column that was dropped must never come back under its name: the store would hide its cells, whose timestamps are small, for ever.
 */
export const tables: Readonly<Record<string, string>> = {
  // The log. What is STATIC belongs to the bucket: the fence (tip), the end, who wrote last, a recent fold.
  log: `(chat_id ascii, bucket int, seq bigint, append_id bigint, kind smallint, author ascii, device ascii, number bigint, countable bigint, at timestamp, content_type text, body blob,
    tip bigint STATIC, last_seq bigint STATIC, owner text STATIC, fold blob STATIC, fold_seq bigint STATIC, closed boolean STATIC, PRIMARY KEY ((chat_id, bucket), seq))`,
  // bucket: a lower bound of the log's current one. snapshot: which one is the newest.
  chats: '(chat_id ascii PRIMARY KEY, bucket int, snapshot frozen<tuple<bigint, text, int>>)',
  snapshot_pages: '(chat_id ascii, id text, page int, bytes blob, PRIMARY KEY ((chat_id, id), page))',
  // announced counts announcements, settled says which of them are done with; announced_head is where the row stood when it was announced. bucket: of a large chat's log, a lower bound of its current one.
  inbox: `(user_id ascii, incarnation text, chat_id ascii, head bigint, member boolean, large boolean, announced bigint, announced_head bigint, settled bigint,
    receipts_version bigint, read bigint, bucket int, PRIMARY KEY ((user_id, incarnation), chat_id)) ${rewritten}`,
  // A row for everybody whose inbox has the chat, with or without watermarks.
  receipts: `(chat_id ascii, user_id ascii, delivered bigint, read bigint, member boolean, large boolean STATIC, PRIMARY KEY (chat_id, user_id)) ${rewritten}`,
  users: '(user_id ascii PRIMARY KEY, handle text, name text, password_hash text, created_at timestamp)',
  handles: '(handle text PRIMARY KEY, user_id ascii, name text, password_hash text, created_at timestamp)',
  devices: '(user_id ascii, device_id ascii, name text, created_at bigint, revoked_at bigint, PRIMARY KEY (user_id, device_id))',
  token_families: '(family_id text PRIMARY KEY, user_id ascii, device_id ascii, current_hash text, expires_at timestamp, revoked boolean)',
  token_families_by_device: '(user_id ascii, device_id ascii, family_id text, PRIMARY KEY ((user_id, device_id), family_id))',
  signing_keys: '(kind text, key_id text, jwk text, created_at timestamp, PRIMARY KEY (kind, key_id))',
};
