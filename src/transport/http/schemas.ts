// What the HTTP API takes and gives. Checks, types and the OpenAPI document all come from here.
import { z } from 'zod';
import { limits } from '../../protocol/limits.ts';
import { accountLimits } from '../../services/auth.ts';
import type { Verified } from '../../services/tokens.ts';

export const httpLimits = {
  bodyBytesMax: 16 * 1_024,
  refreshTokenMax: 256,
  idsPerLookupMax: 100,
} as const;

/** Named schemas: components of the document. */
export const components = z.registry<{ id: string }>();

// The pattern is what makes it an id, so the type may say so.
const userId = z
  .string()
  .regex(/^u[A-Za-z0-9_-]{20}$/, 'must be a user id')
  .describe('A user id.') as unknown as z.ZodType<Verified['userId'], string>;
const deviceId = z
  .string()
  .regex(/^d[A-Za-z0-9_-]{20}$/, 'must be a device id')
  .describe('A device id.') as unknown as z.ZodType<Verified['deviceId'], string>;
const handle = z
  .string()
  .max(32)
  .toLowerCase()
  .regex(accountLimits.handle, 'must be 3–32 of a–z, 0–9, dot, underscore, hyphen')
  .describe('3–32 of a–z, 0–9, dot, underscore, hyphen. Upper case is folded.');
const password = z.string().min(accountLimits.passwordMin).max(accountLimits.passwordMax);
// Not `\p{Cc}`, which not every reader of the document understands.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is kept out
const noControls = /^[^\u0000-\u001f\u007f-\u009f]*$/;
const shown = z.string().trim().min(1).max(limits.nameMax).regex(noControls, 'must hold no control characters');
const timeMs = z.int().min(0).describe('Milliseconds since 1970, by the clock of the server.');

export const Register = named('Register', z.object({ handle, password, name: shown.optional().describe('Shown to others; the handle, if left out.'), deviceName: shown }));
export const LogIn = named(
  'LogIn',
  z.object({
    handle,
    // A password that the rules of today would not allow is wrong, not malformed.
    password: z.string().max(accountLimits.passwordMax),
    deviceName: shown,
    deviceId: deviceId
      .optional()
      .describe(
        'The id this device had when it was logged in as this user before: it keeps it. One that is not a device of this user is passed over; the answer has the id to use.',
      ),
  }),
);
export const Refresh = named('Refresh', z.object({ refreshToken: z.string().min(1).max(httpLimits.refreshTokenMax) }));
export const Tokens = named(
  'Tokens',
  z.object({
    userId,
    deviceId,
    accessToken: z.string().describe('For hello on the socket, and for Authorization: Bearer here.'),
    accessExpiresAtMs: timeMs,
    refreshToken: z.string().describe('Good once. Keep the one of the newest answer.'),
    refreshExpiresAtMs: timeMs,
    serverTimeMs: timeMs,
  }),
);
export const Device = named(
  'Device',
  z.object({ deviceId, name: z.string(), createdAtMs: timeMs.describe('When it was logged in.'), current: z.boolean().describe('Whether it is the one that asks.') }),
);
export const Devices = named('Devices', z.object({ devices: z.array(Device) }));
export const DevicePath = z.object({ deviceId });
export const Profile = named('Profile', z.object({ userId, handle: z.string(), name: z.string() }));
export const Profiles = named('Profiles', z.object({ users: z.array(Profile) }));
export const ProfilesQuery = z
  .object({ handle: handle.optional(), id: z.array(userId).min(1).max(httpLimits.idsPerLookupMax).optional() })
  .refine(({ handle: one, id }) => (one === undefined) !== (id === undefined), 'ask by one handle or by ids');
export const Server = named(
  'Server',
  z.object({
    socketUrl: z.string().describe('Where the WebSocket is.'),
    protocolVersion: z.int().min(0),
    subprotocol: z.string(),
    registration: z.enum(['open', 'closed']),
  }),
);
export const ErrorBody = named(
  'Error',
  z.object({ code: z.string(), says: z.string().describe('What happened and what to do, for a person.'), retryAfterMs: z.int().min(0).optional() }),
);

function named<Schema extends z.ZodType>(id: string, schema: Schema): Schema {
  components.add(schema, { id });
  return schema;
}
