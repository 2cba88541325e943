// Certificates for tests of TLS: a P-256 key with a certificate that it has signed itself, for 127.0.0.1 and localhost, as PEM files.
import { createSign, generateKeyPairSync, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  /** Its own authority, as PEM. */
  readonly pem: string;
}

/** Valid from an hour ago for a day. It is its own authority. */
export async function certificateIn(folder: string, name = 'server'): Promise<Certificate> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signature = sequence(oid(ecdsaWithSha256));
  const whose = sequence(set(sequence(oid(commonName), der(0x0c, Buffer.from(name)))));
  const nowMs = Date.now();
  const validity = sequence(time(nowMs - 3_600_000), time(nowMs + 24 * 3_600_000));
  const alternatives = sequence(der(0x82, Buffer.from('localhost')), der(0x87, Buffer.from([127, 0, 0, 1])));
  const extensions = sequence(
    sequence(oid(subjectAltName), der(0x04, alternatives)),
    sequence(oid(basicConstraints), der(0x01, Buffer.from([0xff])), der(0x04, sequence(der(0x01, Buffer.from([0xff]))))),
  );
  const serial = der(0x02, Buffer.concat([Buffer.from([0x01]), randomBytes(8)]));
  const key = publicKey.export({ type: 'spki', format: 'der' });
  const signed = sequence(der(0xa0, der(0x02, Buffer.from([2]))), serial, signature, whose, validity, whose, key, der(0xa3, extensions));
  const mark = createSign('sha256').update(signed).sign(privateKey);
  const certificate = sequence(signed, signature, der(0x03, Buffer.concat([Buffer.from([0]), mark])));
  const lines = certificate.toString('base64').replace(/.{64}/g, '$&\n').trimEnd();
  const pem = `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
  const files = { certFile: join(folder, `${name}.cert.pem`), keyFile: join(folder, `${name}.key.pem`) };
  await writeFile(files.certFile, pem);
  await writeFile(files.keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  return { ...files, pem };
}

// Object identifiers, as DER holds them.
const ecdsaWithSha256 = '2a8648ce3d040302';
const commonName = '550403';
const subjectAltName = '551d11';
const basicConstraints = '551d13';

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function set(...parts: readonly Buffer[]): Buffer {
  return der(0x31, Buffer.concat(parts));
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function time(ms: number): Buffer {
  return der(0x17, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`));
}
