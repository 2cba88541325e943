// Accounts of NATS for tests: an operator, an account and a user, as a server takes them and as a .creds file holds them.
import { createHash } from 'node:crypto';
import { nkeys } from '@nats-io/transport-node';

type Pair = ReturnType<typeof nkeys.createUser>;

export interface Accounts {
  /** Lines of the server's configuration. */
  readonly configuration: string;
  /** What a .creds file holds. */
  readonly creds: string;
}

export function drawAccounts(): Accounts {
  const [operator, account, user] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createUser()];
  const limits = { subs: -1, data: -1, payload: -1 };
  const operatorJwt = signed(operator, operator, { type: 'operator', version: 2 });
  const accountJwt = signed(operator, account, { type: 'account', version: 2, limits: { ...limits, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 } });
  const userJwt = signed(account, user, { type: 'user', version: 2, pub: {}, sub: {}, ...limits });
  const seed = new TextDecoder().decode(user.getSeed());
  return {
    configuration: `operator: "${operatorJwt}"\nresolver: MEMORY\nresolver_preload: { ${account.getPublicKey()}: "${accountJwt}" }`,
    creds: `-----BEGIN NATS USER JWT-----\n${userJwt}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`,
  };
}

function signed(by: Pair, whose: Pair, nats: object): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iat: Math.floor(Date.now() / 1000), iss: by.getPublicKey(), sub: whose.getPublicKey(), name: 'test', nats };
  const jti = createHash('sha256').update(JSON.stringify(claims)).digest('base64url');
  const text = `${encode({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encode({ ...claims, jti })}`;
  return `${text}.${Buffer.from(by.sign(new TextEncoder().encode(text))).toString('base64url')}`;
}
