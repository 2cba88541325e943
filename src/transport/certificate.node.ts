// The files of TLS, looked at before anything starts: a socket library would say of a wrong one only that it cannot listen.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** What is wrong with PARLEY_TLS_CERT and PARLEY_TLS_KEY, for the operator; undefined: nothing, or they are not set. */
export function certificateProblem(certFile: string, keyFile: string): string | undefined {
  if (certFile === '') return undefined;
  let certificate: X509Certificate;
  let key: KeyObject;
  try {
    certificate = new X509Certificate(readFileSync(certFile));
  } catch (error) {
    return `PARLEY_TLS_CERT: ${certFile} ${why(error, 'holds no certificate in PEM')}.`;
  }
  try {
    key = createPrivateKey(readFileSync(keyFile));
  } catch (error) {
    return `PARLEY_TLS_KEY: ${keyFile} ${why(error, 'holds no private key in PEM, or one that wants a password')}.`;
  }
  return certificate.checkPrivateKey(key) ? undefined : `PARLEY_TLS_KEY: ${keyFile} is not the key of the certificate in ${certFile} (PARLEY_TLS_CERT).`;
}

function why(error: unknown, otherwise: string): string {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return syscall === undefined ? otherwise : `cannot be read (${code})`;
}
